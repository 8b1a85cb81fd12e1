/** A run, a page of its scenarios at a time. */
import type { SyntheticRun } from "../../_shared/db.ts";
import { bold, type Html, line, lines, message, text } from "./html.ts";
import { isOver, runHead } from "./run_message.ts";
import { inOrder, markOf, resultRow } from "./run_words.ts";
import { type Button, HOME, numberRows, type Screen, screen } from "./screen.ts";
import { pageRow } from "./tests.ts";
import { count, dayTime } from "./units.ts";

/** As many as fit, whatever they are called. */
export const RESULTS_PER_PAGE = 6;

export interface RunScreenParams {
  only: "all" | "failed";
  page: number;
  /** Whether there is a button that stops it. */
  mayStop: boolean;
}

const TESTS: Button = { label: "⬅️ Tests", action: { screen: "tests" } };

export function renderNoRun(): Screen {
  const words = lines(bold(line`This run is gone.`), line`It was taken back, or is no longer kept.`);
  return screen("run", words, [[TESTS, HOME]]);
}

export function renderRun(run: SyntheticRun, { only, page, mayStop }: RunScreenParams): Screen {
  const { run_id, state } = run;
  const failed = run.results.filter((result) => result.state === "failed");
  const results = inOrder(only === "failed" ? failed : run.results);
  const pages = Math.max(1, Math.ceil(results.length / RESULTS_PER_PAGE));
  const at = Math.min(page, pages - 1);
  const shown = results.slice(at * RESULTS_PER_PAGE, (at + 1) * RESULTS_PER_PAGE);
  const opens = (only: RunScreenParams["only"], page: number): Button["action"] => (
    { screen: "run", run_id, only, page }
  );
  const rows = shown.map((result, i) => resultRow(result, line`${text(i + 1)} ${markOf(result)}`));
  const answer = message(
    lines(runHead(run), asked(run)),
    rows.length > 0
      ? lines(...rows)
      : line`${only === "failed" ? line`None has failed.` : line`There is nothing in it.`}`,
  );
  return screen("run", answer, [
    ...numberRows(shown.map(({ position }) => ({ screen: "result", run_id, position, page: 0 }))),
    pageRow(at, pages, (to) => opens(only, to)),
    [
      ...(isOver(state) || !mayStop ? [] : [{ label: state === "asked" ? "Cancel" : "■ Stop", action: stop(run_id) }]),
      ...(only === "failed" ? [{ label: `All ${count(run.results.length)}`, action: opens("all", 0) }] : []),
      ...(only === "all" && failed.length > 0
        ? [{ label: `Failures ${count(failed.length)}`, action: opens("failed", 0) }]
        : []),
      { label: "🔄", action: opens(only, at) },
    ],
    [TESTS, HOME],
  ]);
}

const stop = (run_id: string): Button["action"] => ({ screen: "stop", run_id });

function asked({ at, asked_by }: SyntheticRun): Html {
  return asked_by === null
    ? line`${text(dayTime(at))} UTC, from a terminal`
    : line`${text(dayTime(at))} UTC, by ${text(asked_by)}`;
}
