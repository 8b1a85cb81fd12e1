/** Supabase's management API, as far as the CLI does not say what we need to know. */
import { createHash } from "node:crypto";
import { Failure } from "../stack/failure.ts";
import { type Answer, callJson, saidBy, Unreachable } from "./http.ts";
import type { ProjectSettings } from "./project_settings.ts";

export interface RemoteFunction {
  slug: string;
  version: number;
  status: string;
}

export class Management {
  readonly #settings: ProjectSettings;
  readonly #signal: AbortSignal;

  constructor(settings: ProjectSettings, signal: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
  }

  /** Name and status of the project. */
  project(): Promise<{ name: string; status: string }> {
    return this.#get("");
  }

  functions(): Promise<RemoteFunction[]> {
    return this.#get("/functions");
  }

  /** Names of those of `secrets` that the project has not, or with another value. It tells only their SHA-256. */
  async changedSecrets(secrets: Record<string, string>): Promise<string[]> {
    const kept = await this.#get<{ name: string; value: string }[]>("/secrets");
    const digests = new Map(kept.map(({ name, value }) => [name, value]));
    return Object.keys(secrets).filter((name) => digests.get(name) !== sha256(secrets[name]!));
  }

  /** A key that may call every function of the database. */
  async serviceKey(): Promise<string> {
    const keys = await this.#get<{ name: string; type?: string; api_key?: string | null }[]>("/api-keys?reveal=true");
    const found = keys.find(({ name, api_key }) => name === "service_role" && api_key) ??
      keys.find(({ type, api_key }) => type === "secret" && api_key);
    if (found?.api_key) return found.api_key;
    throw new Failure(
      "The project has neither a service_role key nor a secret one.",
      `Make one: https://supabase.com/dashboard/project/${this.#settings.ref}/settings/api-keys`,
    );
  }

  async #get<T>(path: string): Promise<T> {
    const { managementUrl, ref, accessToken } = this.#settings;
    let answer: Answer;
    try {
      const headers = { authorization: `Bearer ${accessToken}`, accept: "application/json" };
      answer = await callJson(`${managementUrl}/v1/projects/${ref}${path}`, { headers }, this.#signal);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      throw new Failure(
        error.message,
        "Look whether this machine is online and https://status.supabase.com, then again.",
      );
    }
    if (answer.status === 200) return answer.body as T;
    throw refusal(answer, ref);
  }
}

function refusal(answer: Answer, ref: string): Failure {
  const { status } = answer;
  if (status === 401) {
    return new Failure(
      `Supabase does not accept SUPABASE_ACCESS_TOKEN: ${saidBy(answer)}`,
      "Make a token at https://supabase.com/dashboard/account/tokens and set it.",
    );
  }
  if (status === 403 || status === 404) {
    return new Failure(
      `Supabase has no project ${ref} for this token: ${saidBy(answer)}`,
      "Compare SUPABASE_PROJECT_REF with the project's address in the dashboard, and whose the token is.",
    );
  }
  return new Failure(`Supabase's management API failed: ${saidBy(answer)}`, "Run npm run deploy again in a moment.");
}

const sha256 = (value: string) => createHash("sha256").update(value).digest("hex");
