/**
 * Settings from environment variables, with all that is wrong about them in one error.
 *
 * The environment comes in as a function: `(name) => Deno.env.get(name)` in an `index.ts`, a record's in a test.
 *
 * @module
 */

export type GetEnv = (name: string) => string | undefined;

/** One or more variables are missing or invalid. The message names each; values are left out, for some are secrets. */
export class EnvError extends Error {
  override readonly name = "EnvError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Set these environment variables, then deploy again:\n${problems.map((p) => `- ${p}`).join("\n")}`);
    this.problems = problems;
  }
}

/** Readers for {@link readEnv}. Each takes a variable's name; an empty variable counts as missing. */
export interface EnvReader {
  /** A string; `form` says in words what `pattern` asks. */
  text(name: string, form?: { pattern: RegExp; form: string }): string;
  /** An http or https address, without a slash at its end. */
  url(name: string, fallback?: string): string;
  /** Whole numbers above 0, comma-separated, at least one. */
  ids(name: string): number[];
  optional(name: string): string | undefined;
}

/**
 * Runs `read` over the environment.
 *
 * @throws {EnvError} When any variable that `read` asked for is missing or invalid. `read` itself always runs to its
 * end, on placeholders where a variable is not right, so it must do no more than build an object.
 */
export function readEnv<T>(get: GetEnv, read: (env: EnvReader) => T): T {
  const problems: string[] = [];
  const value = (name: string) => get(name)?.trim() || undefined;

  function required(name: string, form: string, valid: (value: string) => boolean, fallback?: string): string {
    const found = value(name) ?? fallback;
    if (found === undefined) problems.push(`${name} is missing: ${form}`);
    else if (!valid(found)) problems.push(`${name} is not ${form}`);
    return found ?? "";
  }

  const settings = read({
    text: (name, { pattern, form } = { pattern: /./, form: "a string" }) =>
      required(name, form, (v) => pattern.test(v)),
    url: (name, fallback) => required(name, "an http or https address", isHttpUrl, fallback).replace(/\/+$/, ""),
    ids: (name) =>
      required(name, "whole numbers above 0, comma-separated", (v) => parseIds(v).every(isId)).split(",").map(Number),
    optional: value,
  });
  if (problems.length > 0) throw new EnvError(problems);
  return settings;
}

export type Handler = (req: Request) => Promise<Response>;

/**
 * The handler that `build` makes. When its environment is broken, one that answers 503 instead: a function that ends at
 * its start is started again and again, and says less. The log gets the whole message, the caller none of it.
 */
export function whenConfigured(build: () => Handler, log: (message: string) => void = console.error): Handler {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    log(error.message);
    return () =>
      Promise.resolve(
        Response.json({ code: "not_configured", message: "This function is not configured yet." }, { status: 503 }),
      );
  }
}

const parseIds = (value: string): number[] => value.split(",").map((id) => /^\s*\d+\s*$/.test(id) ? Number(id) : NaN);

const isId = (id: number): boolean => Number.isSafeInteger(id) && id > 0;

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
