/** What a deployment needs to know, all of it checked before anything is changed. */
import { randomBytes } from "node:crypto";
import { EnvError } from "../../functions/_shared/env.ts";
import { readSettings as readFunctionSettings } from "../../functions/telegram/settings.ts";
import { Failure } from "../stack/failure.ts";
import { type Env, type ProjectSettings, readAddress, readProjectSettings } from "./project_settings.ts";
import type { Redactor } from "./redact.ts";
import { testSecrets } from "./test_secrets.ts";

const BOT_API = "https://api.telegram.org";

export interface Settings extends ProjectSettings {
  /** `url` has no password; the CLI gets it through its environment, where other users of this machine cannot see it. */
  database: { url: string | undefined; password: string };
  token: string;
  apiRoot: string;
  webhookSecret: string;
  /** It was made just now, and is to be kept. */
  webhookSecretIsNew: boolean;
  adminIds: number[];
  /** What the telegram function reads, and who pays for the calls of tests, by their own account. */
  secrets: Record<string, string>;
  /** Why tests cannot pay for LLM calls; null: they can. */
  unpaid: string | null;
}

/** @throws {Failure} with every problem at once. From then on `redactor` knows each secret of them. */
export async function readSettings(env: Env, redactor: Redactor): Promise<Settings> {
  const problems: string[] = [];
  const get = (name: string) => env[name]?.trim() ?? "";
  const secret = (name: string, value: string) => value === "" ? value : redactor.add(name, value);

  const project = readProjectSettings(env, redactor, problems);
  const database = readDatabase(get, secret, problems);

  const token = secret("TELEGRAM_BOT_TOKEN", get("TELEGRAM_BOT_TOKEN"));
  const kept = get("TELEGRAM_WEBHOOK_SECRET");
  const webhookSecret = secret("TELEGRAM_WEBHOOK_SECRET", kept || randomBytes(32).toString("base64url"));
  const apiRoot = readAddress(env, "TELEGRAM_API_ROOT", BOT_API, problems);

  const values: Env = {
    ...env,
    SUPABASE_URL: project.projectUrl,
    SUPABASE_SERVICE_ROLE_KEY: "hosted Supabase's",
    TELEGRAM_WEBHOOK_SECRET: webhookSecret,
    TELEGRAM_API_ROOT: apiRoot,
  };
  const secrets: Record<string, string> = {};
  let adminIds: number[] = [];
  try {
    ({ adminIds } = readFunctionSettings((name) => {
      const value = values[name]?.trim();
      if (value && !name.startsWith("SUPABASE_")) secrets[name] = value;
      return value;
    }));
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    problems.push(...error.problems);
  }
  const tests = await testSecrets(env);
  for (const [name, value] of Object.entries(tests.secrets)) {
    secrets[name] = value;
    if (URL.canParse(value)) readAddress(env, name, value, problems);
    // A plain address is none, and may be a part of what a person has to read.
    if (!URL.canParse(value) || /[@?]/.test(value)) redactor.add(name, value);
  }
  for (const [name, value] of Object.entries(secrets)) {
    if (/['\n\r]/.test(value)) problems.push(`${name} has a quote or a line break in it`);
  }
  if (problems.length > 0) {
    throw new Failure(
      `These settings are missing or not right:\n- ${problems.join("\n- ")}`,
      "Set them in the environment or in .env; .env.example says what each means.",
    );
  }
  return {
    ...project,
    database,
    token,
    apiRoot,
    webhookSecret,
    webhookSecretIsNew: kept === "",
    adminIds,
    secrets,
    unpaid: tests.unpaid,
  };
}

function readDatabase(
  get: (name: string) => string,
  secret: (name: string, value: string) => string,
  problems: string[],
): Settings["database"] {
  const raw = secret("SUPABASE_DB_URL", get("SUPABASE_DB_URL"));
  const given = secret("SUPABASE_DB_PASSWORD", get("SUPABASE_DB_PASSWORD"));
  if (raw === "") {
    if (given === "") problems.push("SUPABASE_DB_PASSWORD is missing: the database's, or give a whole SUPABASE_DB_URL");
    return { url: undefined, password: given };
  }
  if (!URL.canParse(raw) || !/^postgres(ql)?:$/.test(new URL(raw).protocol)) {
    problems.push("SUPABASE_DB_URL is not a postgresql:// address, with what is special in its password as %xx");
    return { url: undefined, password: given };
  }
  const url = new URL(raw);
  let password = url.password;
  try {
    password = decodeURIComponent(url.password);
  } catch {
    // A lone % is one.
  }
  if (url.password !== "") secret("SUPABASE_DB_PASSWORD", url.password);
  secret("SUPABASE_DB_PASSWORD", password);
  url.password = "";
  return { url: url.href, password: password || given };
}
