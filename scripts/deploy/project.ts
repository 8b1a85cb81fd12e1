/** The project as its callers see it: functions of the database through PostgREST, and the edge functions. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../stack/failure.ts";
import { type Answer, callJson, saidBy, Unreachable } from "./http.ts";
import type { ProjectSettings } from "./project_settings.ts";

/** The database says no. `code` is a SQLSTATE or PostgREST's. */
export class DatabaseRefusal extends Failure {
  readonly code: string;

  constructor(fn: string, answer: Answer) {
    super(
      `The database refuses ${fn}: ${saidBy(answer)}`,
      answer.status >= 500
        ? "Look whether the project is healthy in the dashboard, then run npm run deploy again."
        : "Compare supabase/migrations with the dashboard's Migrations: the database may be of another version than this folder.",
    );
    this.code = String(answer.body?.code ?? "");
  }
}

export class Project {
  readonly #settings: ProjectSettings;
  readonly #key: string;
  readonly #signal: AbortSignal;

  constructor(settings: ProjectSettings, key: string, signal: AbortSignal) {
    this.#settings = settings;
    this.#key = key;
    this.#signal = signal;
  }

  functionUrl(name: string): string {
    return `${this.#settings.projectUrl}/functions/v1/${name}`;
  }

  /** Posts JSON to an edge function. Resolves to whatever it answers. */
  post(name: string, body: unknown, headers: Record<string, string>, signal = this.#signal): Promise<Answer> {
    return callJson(this.functionUrl(name), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    }, signal);
  }

  /** Asks an edge function. Resolves to whatever it answers. */
  get(name: string): Promise<Answer> {
    return callJson(this.functionUrl(name), {}, this.#signal);
  }

  /** Undefined when PostgREST does not know the function (yet: it learns of new ones a moment after a migration). */
  async rpc(
    fn: string,
    args: Record<string, unknown>,
    signal = this.#signal,
  ): Promise<{ result: unknown } | undefined> {
    let answer: Answer;
    try {
      answer = await callJson(`${this.#settings.projectUrl}/rest/v1/rpc/${fn}`, {
        method: "POST",
        headers: { "content-type": "application/json", apikey: this.#key, authorization: `Bearer ${this.#key}` },
        body: JSON.stringify(args),
      }, signal);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      throw new Failure(
        error.message,
        "Look whether the project is paused in the dashboard, then run npm run deploy again.",
      );
    }
    if (answer.status >= 200 && answer.status < 300) return { result: answer.body };
    if (answer.body?.code === "PGRST202") return undefined;
    throw new DatabaseRefusal(fn, answer);
  }
}

/** Asks until the answer is there: what was deployed may take a moment to be what answers. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<T | undefined> {
  const deadline = Date.now() + waitMs;
  for (let pause = 200;; pause = Math.min(pause * 1.5, 3000)) {
    const found = await ask();
    if (found !== undefined || Date.now() + pause > deadline) return found;
    await sleep(pause, undefined, { signal });
  }
}
