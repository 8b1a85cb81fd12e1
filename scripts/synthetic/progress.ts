/** How a live run is getting on: one line that changes on a terminal, and elsewhere a line for each scenario. */
import type { Outcome, Taken } from "../../functions/_shared/synthetic_work.ts";
import { duration } from "../../functions/telegram/render/units.ts";
import type { Terminal } from "./terminal.ts";
import { dollars } from "./units.ts";

export interface Progress {
  ended(taken: Taken, outcome: Outcome): void;
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
  const { interactive } = terminal;
  const timer = interactive ? setInterval(draw, REDRAW_MS) : undefined;
  if (interactive) draw();

  function draw(): void {
    const filled = Math.round(BAR * done / Math.max(total, 1));
    const left = done > before ? (now() - began) / (done - before) * (total - done) : undefined;
    const parts = [
      `${"█".repeat(filled)}${"░".repeat(BAR - filled)} ${done}/${total}`,
      `${dollars(spent)}${unknown ? " and what is not known" : ""}`,
      ...done < total && left !== undefined ? [`about ${duration(Math.ceil(left / 1000) * 1000)} left`] : [],
    ];
    terminal.err(`\r\x1b[2K${parts.join("  ").slice(0, terminal.columns - 1)}`);
  }

  return {
    ended({ scenario, repeat: nth }, { state, duration_ms, cost_microusd }) {
      done++;
      if (interactive) return draw();
      const mark = state === "passed" ? "✓" : state === "failed" ? "✗" : "-";
      const name = repeat > 1 ? `${scenario} #${nth}` : scenario;
      terminal.err(`[${done}/${total}] ${mark} ${name}  ${duration(duration_ms)}  ${dollars(cost_microusd)}\n`);
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
