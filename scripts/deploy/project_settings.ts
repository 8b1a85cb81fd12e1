/** What the management API has to be told, and what of it the rest of a deployment needs. */
import type { Redactor } from "./redact.ts";

const MANAGEMENT_API = "https://api.supabase.com";

export interface ProjectSettings {
  ref: string;
  accessToken: string;
  managementUrl: string;
  /** Hosted Supabase is what the CLI calls by itself. */
  hosted: boolean;
  projectUrl: string;
}

export type Env = Record<string, string | undefined>;

/** Adds what is wrong to `problems`. From then on `redactor` knows the token. */
export function readProjectSettings(env: Env, redactor: Redactor, problems: string[]): ProjectSettings {
  const required = (name: string, pattern: RegExp, what: string) => {
    const value = env[name]?.trim() ?? "";
    if (value === "") problems.push(`${name} is missing: ${what}`);
    else if (!pattern.test(value)) problems.push(`${name} is not ${what}`);
    return value;
  };
  const ref = required("SUPABASE_PROJECT_REF", /^[a-z0-9]{20}$/, "the 20 characters of your project's address");
  const accessToken = required(
    "SUPABASE_ACCESS_TOKEN",
    /^sbp_\w{16,}$/,
    "a token of https://supabase.com/dashboard/account/tokens",
  );
  if (accessToken !== "") redactor.add("SUPABASE_ACCESS_TOKEN", accessToken);
  const managementUrl = readAddress(env, "SUPABASE_API_URL", MANAGEMENT_API, problems);
  return {
    ref,
    accessToken,
    managementUrl,
    hosted: managementUrl === MANAGEMENT_API,
    projectUrl: readAddress(env, "SUPABASE_PROJECT_URL", `https://${ref || "project"}.supabase.co`, problems),
  };
}

/** Without a slash at its end. */
export function readAddress(env: Env, name: string, fallback: string, problems: string[]): string {
  const value = env[name]?.trim() || fallback;
  if (!isSafe(value)) problems.push(`${name} is not an https address`);
  return value.replace(/\/+$/, "");
}

/** Tokens go there: so not in clear, unless it is this machine. */
function isSafe(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname));
}
