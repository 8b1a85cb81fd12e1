/**
 * `error`: what may fail in the bot, and nothing else: its traces, its handlers, and its calls to Telegram.
 *
 * @module
 */
import type { CallRecord } from "../telegram/bot_api.ts";
import { type Held, quoted, type Unmet, unmet } from "./met.ts";

/** Such as "A handler has failed". */
export interface Thrown {
  what: string;
  said: string;
}

const UNMODIFIED = /message is not modified/;

/**
 * @param error Of the turn.
 * @param anywhere Of the whole conversation: then it may be in any turn.
 * @param thrown What nobody has caught, in words.
 */
export function expectError(
  { seen }: Held,
  thrown: readonly Thrown[],
  error: string | undefined,
  anywhere?: string,
): Unmet[] {
  const covered = (text: string) => [error, anywhere].some((part) => part !== undefined && text.includes(part));
  const refused = seen.calls.map(refusal).filter((said) => said !== undefined);
  const failed = seen.traces.filter(({ status }) => status === "error");
  const failures: Unmet[] = [];

  if (error !== undefined && !failed.some((trace) => trace.error?.includes(error))) {
    const there = failed.length === 0
      ? "no trace has failed"
      : `they say ${failed.map(({ error }) => quoted(error)).join(", ")}`;
    failures.push(unmet("error", `No trace has the error ${quoted(error)}: ${there}`));
  }
  for (const { method, said } of refused) {
    if (!covered(said) && !UNMODIFIED.test(said)) {
      failures.push(unmet("telegram", `Telegram refused ${method}: ${said}`));
    }
  }
  // What is behind it is told once: by who threw it, for they know the place.
  const told = refused.map(({ said }) => said);
  for (const { what, said } of thrown) {
    if (!covered(said) && !told.some((other) => said.includes(other) || other.includes(said))) {
      failures.push(unmet("bot", `${what}: ${said}`));
    }
    told.push(said);
  }
  for (const { pipeline, error: said = "" } of failed) {
    if (!covered(said) && !told.some((other) => said.includes(other) || (said !== "" && other.includes(said)))) {
      failures.push(unmet("error", `The trace ${pipeline} has failed: ${said}`));
    }
    told.push(said);
  }
  return failures;
}

function refusal({ method, status, body }: CallRecord): { method: string; said: string } | undefined {
  if (status < 400) return undefined;
  const { description } = Object(body) as { description?: string };
  return { method, said: `${status}: ${description ?? "no description"}` };
}

/** Of the whole conversation: only whether there was one. What else has failed, its turn has told. */
export function expectErrorAnywhere({ seen }: Held, error: string | undefined): Unmet[] {
  if (error === undefined || seen.traces.some((trace) => trace.error?.includes(error))) return [];
  return [unmet("error", `No trace has the error ${quoted(error)}`)];
}
