/** What the LLM calls of a trace used: tokens by class, cost, and how long the first token took. */
import type { TraceDetail } from "../../_shared/db.ts";
import type { WireStep } from "../../../tracer/wire.ts";
import { dotted, type Html, line, lines, name, quoted, text } from "./html.ts";
import { count, duration, money } from "./units.ts";

/** The dearest of them; a phone shows no more at once. */
const MAX_CALLS = 5;
/** Of an indented row, before a phone wraps it. */
const ROW_COLUMNS = 32;

export interface Tokens {
  input: number | null;
  cached: number | null;
  output: number | null;
  reasoning: number | null;
}

export const tokensOf = (step: WireStep): Tokens => ({
  input: step.input_tokens ?? null,
  cached: step.cached_tokens ?? null,
  output: step.output_tokens ?? null,
  reasoning: step.reasoning_tokens ?? null,
});

/** All of a trace, as its steps have them. */
export function totalTokens(trace: TraceDetail): Tokens {
  const sum = (key: "cached_tokens" | "reasoning_tokens") =>
    trace.steps.some((step) => step[key] !== undefined)
      ? trace.steps.reduce((all, step) => all + (step[key] ?? 0), 0)
      : null;
  return {
    input: trace.input_tokens,
    cached: sum("cached_tokens"),
    output: trace.output_tokens,
    reasoning: sum("reasoning_tokens"),
  };
}

/** `1,500 in (1,200 cached) · 301 out (120 reasoning)`; empty where nothing is known. */
export function tokenClasses({ input, cached, output, reasoning }: Tokens): string {
  const part = (value: number | null, of: number | null, what: string, ofWhat: string): string[] =>
    value === null ? [] : [`${count(value)} ${what}${of ? ` (${count(of)} ${ofWhat})` : ""}`];
  return [...part(input, cached, "in", "cached"), ...part(output, reasoning, "out", "reasoning")].join(" · ");
}

export const isCall = (step: WireStep): boolean =>
  [step.model, step.input_tokens, step.output_tokens, step.first_token_ms].some((value) => value !== undefined);

/** One row a call, and what it used below it; nothing without calls. */
export function calls({ steps }: TraceDetail): Html[] {
  const all = steps.filter(isCall);
  if (all.length === 0) return [];
  const byCost = [...all].sort((a, b) => (b.cost_microusd ?? 0) - (a.cost_microusd ?? 0)).slice(0, MAX_CALLS);
  const rows = all.filter((step) => byCost.includes(step)).map((step) => row(step, all.length === 1));
  const more = all.length - rows.length;
  return [
    lines(
      ...rows,
      ...(more > 0 ? [line`… and ${text(count(more))} more LLM ${text(more === 1 ? "call" : "calls")}`] : []),
    ),
  ];
}

/** Of the only call, tokens and cost are those of the trace, which stand above. */
function row(step: WireStep, only: boolean): Html {
  const first = step.first_token_ms === undefined ? null : text(`first token ${duration(step.first_token_ms)}`);
  const who = dotted(name(step.name, 20), step.model === undefined ? null : quoted(step.model, 32));
  if (only) return dotted(who, first);
  const used = tokenClasses(tokensOf(step));
  const cost = money(step.cost_microusd ?? null, step.cost_microusd !== undefined || step.model === undefined);
  const paid = dotted(cost === null ? null : text(cost), first);
  const parts = used.length > ROW_COLUMNS ? used.split(" · ") : used === "" ? [] : [used];
  const all = [...parts.map((part) => text(part)), paid].filter(({ length }) => length > 0);
  const below = dotted(...all);
  return lines(who, ...(below.length <= ROW_COLUMNS ? [below] : all).map((row) => line`     ${row}`));
}
