/** How a live run is getting on: one line that changes on a terminal, and elsewhere a line for each scenario. */
import type { Outcome, Taken } from "../../functions/_shared/synthetic_work.ts";
import { duration } from "../../functions/telegram/render/units.ts";
import type { Terminal } from "./terminal.ts";
import { dollars } from "./units.ts";

export interface Progress {
  ended(taken: Taken, outcome: Outcome): void;
  /** A line that stays. */
  say(text: string): void;
  /** A call was paid for; null: its cost is not known. */
  paid(microusd: number | null): void;
  /** Takes the line away. */
  close(): void;
}

export interface ProgressOptions {
  total: number;
  /** Of a run that goes on. */
  done: number;
  spentMicrousd: number;
  repeat: number;
  /** Milliseconds. */
  now?: () => number;
}

/** Columns, where there are so many. */
const BAR = 24;
const REDRAW_MS = 1000;

export function openProgress(
  terminal: Pick<Terminal, "err" | "interactive" | "columns">,
  { total, done, spentMicrousd, repeat, now = performance.now.bind(performance) }: ProgressOptions,
): Progress {
  const began = now();
  const before = done;
  let spent = spentMicrousd;
  let unknown = false;
  /** By how long those that have ended took. */
  let endsAt: number | undefined;
  const { interactive } = terminal;
  const timer = interactive ? setInterval(draw, REDRAW_MS) : undefined;
  if (interactive) draw();

  function draw(): void {
    const room = terminal.columns - 1;
    const figures = `${done}/${total}  ${dollars(spent)}${unknown ? " and what is not known" : ""}`;
    const whole = `${figures}${leftWords()}`;
    // On a narrow terminal what it has cost stays longest.
    const words = whole.length <= room ? whole : figures.slice(0, room);
    const bar = Math.max(0, Math.min(BAR, room - words.length - 1));
    const filled = Math.round(bar * done / Math.max(total, 1));
    terminal.err(`\r\x1b[2K${bar > 0 ? `${"█".repeat(filled)}${"░".repeat(bar - filled)} ` : ""}${words}`);
  }

  /** Nothing once it takes longer than that: nobody knows then. */
  function leftWords(): string {
    const seconds = endsAt === undefined ? 0 : Math.ceil((endsAt - now()) / 1000);
    if (seconds <= 0) return "";
    return `  about ${seconds < 60 ? `${seconds} s` : duration(seconds * 1000)} left`;
  }

  return {
    ended({ scenario, repeat: nth }, { state, duration_ms, cost_microusd }) {
      done++;
      endsAt = now() + (now() - began) / (done - before) * (total - done);
      if (interactive) return draw();
      const mark = state === "passed" ? "✓" : state === "failed" ? "✗" : "-";
      const name = repeat > 1 ? `${scenario} #${nth}` : scenario;
      terminal.err(`[${done}/${total}] ${mark} ${name}  ${duration(duration_ms)}  ${dollars(cost_microusd)}\n`);
    },
    say(text) {
      terminal.err(`${interactive ? "\r\x1b[2K" : ""}${text}\n`);
      if (interactive) draw();
    },
    paid(microusd) {
      if (microusd === null) unknown = true;
      else spent += microusd;
      if (interactive) draw();
    },
    close() {
      clearInterval(timer);
      if (interactive) terminal.err("\r\x1b[2K");
    },
  };
}
