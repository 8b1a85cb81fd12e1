/** One scenario of a run: what is wrong, and what it took. */
import type { RunResult, SyntheticRun } from "../../_shared/db.ts";
import { bold, dotted, type Html, line, lines, literal, message, pre, quoted, text } from "./html.ts";
import { RESULTS_PER_PAGE } from "./run.ts";
import { against, costOf, inOrder, markOf, runTitle, standing, titleOf, where } from "./run_words.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";
import { pageRow } from "./tests.ts";
import { count, dollars, duration } from "./units.ts";

/** Bounds that keep a page of the worst there can be within a message. */
const FAILURES_PER_PAGE = 3;
const MESSAGE_COLUMNS = 80;
const DIFF_UNITS = 420;
const DIFF_COLUMNS = 60;
const MAX_NOTES = 3;
const NOTE_COLUMNS = 50;
const MAX_TRACES = 3;

type Failure = RunResult["failures"][number];

export function renderResult(run: SyntheticRun, { position, page }: { position: number; page: number }): Screen {
  const { run_id } = run;
  const results = inOrder(run.results);
  const index = results.findIndex((result) => result.position === position);
  const up: Button = {
    label: "⬅️ Run",
    action: { screen: "run", run_id, only: "all", page: Math.max(0, Math.floor(index / RESULTS_PER_PAGE)) },
  };
  const result = results[index];
  if (result === undefined) {
    return screen("result", bold(line`There is no such scenario in this run.`), [[up, HOME]]);
  }
  const { failures } = result;
  const pages = Math.max(1, Math.ceil(failures.length / FAILURES_PER_PAGE));
  const at = Math.min(page, pages - 1);
  const shown = failures.slice(at * FAILURES_PER_PAGE, (at + 1) * FAILURES_PER_PAGE);
  const left = failures.length - (at + 1) * FAILURES_PER_PAGE;
  const opens = (position: number, page: number): Button["action"] => ({ screen: "result", run_id, position, page });
  const next = results.find((other, i) => i > index && other.state === "failed");
  const answer = message(
    lines(
      line`${markOf(result)} ${titleOf(result, 40)}`,
      dotted(text(runTitle(run)), ...facts(result)),
      ...numbers(result),
    ),
    ...shown.map(failure),
    ...(left > 0 ? [line`… and ${text(count(left))} more`] : []),
    ...notes("Judged", result.judged.map(({ score, reason }) => line`${text(score.toFixed(2))} ${said(reason)}`)),
  );
  return screen("result", answer, [
    traces(result, run_id),
    pageRow(at, pages, (to) => opens(position, to)),
    next ? [{ label: "Next failure ➡️", action: opens(next.position, 0) }] : [],
    [up, { label: "🔄", action: opens(position, at) }, HOME],
  ]);
}

function facts(result: RunResult): Html[] {
  const { attempts } = result;
  return [text(standing(result)), ...(attempts > 1 ? [line`attempt ${text(attempts)}`] : [])];
}

function numbers(result: RunResult): Html[] {
  const { duration_ms, calls, input_tokens, output_tokens, spent_microusd, saved_microusd, drift } = result;
  if (duration_ms === null) return [];
  return [
    dotted(
      text(duration(duration_ms)),
      line`${text(count(calls))} ${text(calls === 1 ? "call" : "calls")}`,
      line`${text(count(input_tokens))} + ${text(count(output_tokens))} tokens`,
    ),
    dotted(
      costOf(result),
      line`spent ${text(dollars(spent_microusd))}`,
      saved_microusd > 0 ? line`saved ${text(dollars(saved_microusd))}` : null,
    ),
    ...against(result).map((words) => text(words)),
    // How they differ is in the JSON of a terminal's run: a real provider answers otherwise each time.
    ...(drift.length > 0
      ? [line`${text(count(drift.length))} ${text(drift.length === 1 ? "answer" : "answers")} other than recorded`]
      : []),
  ];
}

function failure(failed: Failure): Html {
  const head = line`${where(failed)}: ${quoted(failed.message, MESSAGE_COLUMNS)}`;
  return failed.diff?.length ? lines(head, pre(lines(...diff(failed.diff)))) : head;
}

/** Whole lines, as many as there is room for. What a line begins with says what it is. */
function diff(rows: readonly string[]): Html[] {
  const kept: Html[] = [];
  let left = DIFF_UNITS;
  for (const row of rows) {
    const [, mark = "  ", rest = row] = /^([-+ ] )(.*)$/s.exec(row) ?? [];
    const shown = rest === "" ? literal(mark) : line`${literal(mark)}${text(rest, DIFF_COLUMNS)}`;
    left -= shown.length + 1;
    if (left < 0) break;
    kept.push(shown);
  }
  const more = rows.length - kept.length;
  return more === 0 ? kept : [...kept, line`… ${text(count(more))} more ${text(more === 1 ? "line" : "lines")}`];
}

const said = (words: string): Html => quoted(words, NOTE_COLUMNS);

function notes(title: string, rows: readonly Html[]): Html[] {
  if (rows.length === 0) return [];
  const more = rows.length - MAX_NOTES;
  return [
    lines(
      bold(literal(title)),
      ...rows.slice(0, MAX_NOTES),
      ...(more > 0 ? [line`… and ${text(count(more))} more`] : []),
    ),
  ];
}

function traces({ trace_ids, position }: RunResult, run_id: string): Button[] {
  return trace_ids.slice(0, MAX_TRACES).map((trace_id, i): Button => ({
    label: trace_ids.length === 1 ? "🔎 Trace" : `🔎 Trace ${i + 1}`,
    action: { screen: "trace", trace_id, back: { to: "result", run_id, position } },
  }));
}
