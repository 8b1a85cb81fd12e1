/** What all that is said of a run has in common. */
import type { RunLine, RunResult, SyntheticState, TestSpend } from "../../_shared/db.ts";
import { change } from "./change.ts";
import { dotted, type Html, line, lines, MAX_VISIBLE, name, quoted, text } from "./html.ts";
import { count, dollars, duration } from "./units.ts";

export const STATE_ICON: Record<SyntheticState, string> = {
  asked: "❔",
  running: "⏳",
  passed: "✅",
  failed: "❌",
  stopped: "⏹",
  out_of_budget: "💸",
  abandoned: "👻",
  cancelled: "✖️",
};

const RESULT_MARK: Record<RunResult["state"], string> = {
  pending: "·",
  running: "⏳",
  passed: "✓",
  failed: "✗",
  stopped: "⏹",
};

type Standing = Pick<RunResult, "state" | "attempts">;

/** Its run was stopped before anybody had begun it. */
const isNotRun = ({ state, attempts }: Standing): boolean => state === "stopped" && attempts === 0;

export const markOf = (result: Standing): Html => text(RESULT_MARK[isNotRun(result) ? "pending" : result.state]);

/** How it stands, in words. */
export function standing(result: Standing): string {
  if (result.state === "pending") return "not begun";
  if (result.state !== "stopped") return result.state;
  return isNotRun(result) ? "not run" : "broken off";
}

/** `Smoke tests`, `Release tests, dry run`. */
export function runTitle({ tier, mode }: Pick<RunLine, "tier" | "mode">): string {
  const what = tier === "smoke" ? "Smoke tests" : "Release tests";
  return mode === "live" ? what : mode === "replay" ? `${what}, dry run` : `${what}, recordings first`;
}

/** What was spent so far, and what may be. */
export function spent(spend: TestSpend): Html {
  const { today_microusd, month_microusd, day_cap_microusd, month_cap_microusd, reserved_microusd } = spend;
  const of = (now: number, cap: number) => line`${text(dollars(now))} of ${text(dollars(cap))}`;
  return lines(
    line`Spent on tests today ${of(today_microusd, day_cap_microusd)}`,
    line`This month ${of(month_microusd, month_cap_microusd)}`,
    ...(reserved_microusd > 0 ? [line`Reserved for calls under way: ${text(dollars(reserved_microusd))}`] : []),
  );
}

/** `refund #2`: the second of several. */
export function titleOf({ scenario, repeat }: Pick<RunResult, "scenario" | "repeat">, columns: number): Html {
  return repeat > 1 ? line`${name(scenario, columns)} #${text(repeat)}` : name(scenario, columns);
}

/** A scenario in a list: how it went, the first of what is wrong, and what has changed. */
export function resultRow(result: RunResult, mark: Html): Html {
  const { state, duration_ms, failures } = result;
  const [first, ...others] = failures;
  const more = others.length === 0 ? null : line`and ${text(others.length)} more`;
  const changes = against(result);
  return lines(
    line`${mark} ${
      dotted(
        titleOf(result, 30),
        state === "pending" || state === "stopped" ? text(standing(result)) : null,
        duration_ms === null ? null : text(duration(duration_ms)),
        costOf(result),
      )
    }`,
    ...(first ? [line`    ${dotted(where(first), quoted(first.message, 60), more)}`] : []),
    // One to a line, as wide as a phone.
    ...changes.map((words) => line`    ${text(words)}`),
  );
}

/** `turn 2, text`; of the whole conversation its name alone. */
export const where = ({ turn, expectation }: { turn: number; expectation: string }): Html =>
  turn === 0 ? quoted(expectation, 24) : line`turn ${text(turn)}, ${quoted(expectation, 24)}`;

/** Null of what has not run. */
export function costOf({ duration_ms, cost_microusd, unconfirmed_microusd }: RunResult): Html | null {
  if (duration_ms === null) return null;
  const cost = cost_microusd === null ? "cost unknown" : dollars(cost_microusd);
  return text(unconfirmed_microusd > 0 ? `${cost}, of it ${dollars(unconfirmed_microusd)} unconfirmed` : cost);
}

/** `last: time ↑ 12 %, cost as before`, and the same of the median. */
export function against({ state, duration_ms, cost_microusd, last, median }: RunResult): string[] {
  if (duration_ms === null || (state !== "passed" && state !== "failed")) return [];
  const turned = last === null || last.state === state ? [] : [last.state === "passed" ? "it passed" : "it failed"];
  const compared = (before: { duration_ms: number; cost_microusd: number | null }): string[] => {
    const cost = before.cost_microusd === null ? null : change(cost_microusd, before.cost_microusd);
    const time = change(duration_ms, before.duration_ms);
    return [...(time === null ? [] : [`time ${time}`]), ...(cost === null ? [] : [`cost ${cost}`])];
  };
  const parts = [
    last && { title: last.same_hash ? "last" : "last, as it was", words: [...turned, ...compared(last)] },
    median && { title: `median of ${count(median.runs)}`, words: compared(median) },
  ];
  return parts.filter((part) => part !== null && part.words.length > 0)
    .map((part) => `${part!.title}: ${part!.words.join(", ")}`);
}

/** By name, then by how often; the failed ones first, where that is asked for. */
export function inOrder(results: readonly RunResult[], failedFirst = false): RunResult[] {
  const rank = ({ state }: RunResult) => failedFirst && state !== "failed" ? 1 : 0;
  return [...results].sort((a, b) =>
    rank(a) - rank(b) || (a.scenario < b.scenario ? -1 : a.scenario > b.scenario ? 1 : a.repeat - b.repeat)
  );
}

/** More of them nobody reads on a phone. */
const MAX_ROWS = 20;

/** As many rows as fit beside `taken`, each whole, and how many are left. */
export function fitting(rows: readonly Html[], taken: number): Html[] {
  const kept: Html[] = [];
  // The line that says how many are left, and the empty line before the rows.
  let left = MAX_VISIBLE - taken - 40;
  for (const row of rows.slice(0, MAX_ROWS)) {
    left -= row.length + 1;
    if (left < 0) break;
    kept.push(row);
  }
  const more = rows.length - kept.length;
  return more === 0 ? kept : [...kept, line`… and ${text(count(more))} more`];
}
