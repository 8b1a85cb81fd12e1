/** The message about a run: how far it is and what it has cost, and once it is over, how it went. */
import type { RunResult, SyntheticRun, SyntheticState } from "../../_shared/db.ts";
import { bold, dotted, type Html, line, lines, message, text } from "./html.ts";
import { fitting, inOrder, markOf, resultRow, runTitle, STATE_ICON, titleOf } from "./run_words.ts";
import { type Button, type Screen, screen } from "./screen.ts";
import { count, dollars, dollarsUp, duration } from "./units.ts";

const BAR_COLUMNS = 20;
/** Names of what runs now. */
const MAX_RUNNING = 4;

export const isOver = (state: SyntheticState): boolean => state !== "asked" && state !== "running";

/** It is over, and what its calls have cost that were broken off is not known yet. */
export const isBooking = ({ state, reserved_microusd, results }: SyntheticRun): boolean =>
  isOver(state) && (reserved_microusd > 0 || results.some((result) => result.state === "running"));

export function renderRunMessage(run: SyntheticRun): Screen {
  const { run_id, state, results } = run;
  const press = (label: string, press: "stop" | "refresh" | "failures" | "details"): Button => ({
    label,
    action: { screen: "watch", run_id, press },
  });
  const failed = results.filter((result) => result.state === "failed");
  const head = runHead(run);
  // While it runs, what is wrong so far; at its end all, and what is wrong first.
  const rows = (isOver(state) ? inOrder(results, true) : inOrder(failed)).map((result) =>
    resultRow(result, markOf(result))
  );
  const answer = message(head, ...(rows.length === 0 ? [] : [lines(...fitting(rows, head.length))]));
  return screen("run_message", answer, [
    [
      ...(isOver(state) ? [] : [press("■ Stop", "stop")]),
      ...(failed.length === 0 ? [] : [press(`Failures ${count(failed.length)}`, "failures")]),
      press(`Details ${count(results.length)}`, "details"),
      press("🔄", "refresh"),
    ],
  ]);
}

/** How it stands, in a few lines. */
export function runHead(run: SyntheticRun): Html {
  const { state, results } = run;
  const ended = results.filter(isEnded).length;
  return lines(
    line`${text(STATE_ICON[state])} ${dotted(bold(text(runTitle(run))), outcome(run, ended))}`,
    ...(state === "running" ? [...progress(run, ended), ...running(results)] : []),
    ...(state === "asked" || state === "cancelled" ? [] : [money(run)]),
    ...(run.unconfirmed_microusd > 0
      ? [line`⚠️ ${text(dollars(run.unconfirmed_microusd))} of it unconfirmed: the provider did not say`]
      : []),
    ...(run.excess_microusd > 0
      ? [line`⚠️ ${text(dollars(run.excess_microusd))} billed above what prices allow: look at the provider's bill`]
      : []),
    ...(run.saved_microusd > 0 ? [line`${text(dollars(run.saved_microusd))} saved by equal requests`] : []),
    ...(isOver(state) && state !== "cancelled" ? [took(run)] : []),
  );
}

const isEnded = ({ state }: RunResult): boolean => state !== "pending" && state !== "running";

const CROSSED = { cap_run: "what it may spend", cap_day: "the day's cap", cap_month: "the month's cap" };

function outcome({ state, results, passed, failed, stopped_by, crossed }: SyntheticRun, ended: number): Html {
  const went = line`${text(count(passed))} passed, ${text(count(failed))} failed`;
  switch (state) {
    case "asked":
      return line`not confirmed`;
    case "running":
      return line`${text(count(ended))} of ${text(count(results.length))}`;
    case "passed":
      return line`all ${text(count(passed))} passed`;
    case "failed":
      return line`${text(count(failed))} of ${text(count(results.length))} failed`;
    case "stopped":
      return line`stopped${stopped_by === null ? line`` : line` by ${text(stopped_by)}`}: ${went}`;
    case "out_of_budget":
      return line`ended before a call that could cross ${text(CROSSED[crossed ?? "cap_run"])}: ${went}`;
    case "abandoned":
      return line`given up, for nobody went on with it: ${went}`;
    case "cancelled":
      return line`taken back, nothing was spent`;
  }
}

function progress({ results, eta_ms }: SyntheticRun, ended: number): Html[] {
  const share = results.length === 0 ? 0 : ended / results.length;
  const full = Math.floor(share * BAR_COLUMNS);
  return [
    line`${text("█".repeat(full) + "░".repeat(BAR_COLUMNS - full), BAR_COLUMNS)} ${text(Math.floor(share * 100))} %`,
    // In whole seconds: it is no better known. Nothing once it should have been over.
    ...(eta_ms === null || eta_ms <= 0 ? [] : [line`about ${text(duration(Math.ceil(eta_ms / 1000) * 1000))} left`]),
  ];
}

function running(results: readonly RunResult[]): Html[] {
  const now = inOrder(results.filter(({ state }) => state === "running"));
  if (now.length === 0) return [];
  const more = now.length - MAX_RUNNING;
  return [
    line`now ${dotted(...now.slice(0, MAX_RUNNING).map((result) => titleOf(result, 24)))}${
      more > 0 ? line` and ${text(count(more))} more` : line``
    }`,
  ];
}

/** `$0.0123 of at most $0.0345`. */
function money(run: SyntheticRun): Html {
  const { mode, spent_microusd, ceiling_microusd, reserved_microusd } = run;
  if (mode === "replay") return line`Recorded answers: it costs nothing`;
  return dotted(
    line`${text(dollars(spent_microusd))} of at most ${text(dollarsUp(ceiling_microusd))}`,
    reserved_microusd > 0 ? line`${text(dollars(reserved_microusd))} reserved` : null,
    isBooking(run) ? line`still being booked` : null,
  );
}

function took({ started_at, ended_at, seed }: SyntheticRun): Html {
  return dotted(
    started_at === null || ended_at === null
      ? null
      : line`took ${text(duration(Math.max(0, Date.parse(ended_at) - Date.parse(started_at))))}`,
    line`seed ${text(seed)}`,
  );
}
