// deno-lint-ignore-file no-control-regex -- what a terminal is sent
import { expect, onTestFinished, test } from "vitest";
import { openProgress, type ProgressOptions } from "../../../scripts/synthetic/progress.ts";
import { outcome } from "../../functions/synthetic/suite/_support.ts";

/** A terminal with a clock that stands still unless the test says so. */
function given({ columns = 80, ...options }: Partial<ProgressOptions> & { columns?: number } = {}) {
  let [written, time] = ["", 0];
  const progress = openProgress({ interactive: true, columns, err: (text) => void (written += text) }, {
    total: 4,
    done: 0,
    spentMicrousd: 0,
    repeat: 1,
    now: () => time,
    ...options,
  });
  onTestFinished(() => progress.close());
  const line = () => written.split("\r\x1b[2K").at(-1)!;
  return {
    ...progress,
    /** One scenario more, `ms` after what was before. */
    ends(ms: number) {
      time += ms;
      progress.ended({ kind: "taken", position: 0, scenario: "a", repeat: 1, attempt: 1 }, outcome());
    },
    /** Draws the line anew, `ms` later. */
    after(ms: number) {
      time += ms;
      progress.paid(0);
      return line();
    },
    line,
    written: () => written,
  };
}

test("what is left goes down while a scenario runs, adapts when one ends, and is not said once it is over", () => {
  const { ends, after, line } = given();
  expect(line()).toBe(`${"░".repeat(24)} 0/4  $0.00`);
  ends(2000);
  expect(line()).toBe(`${"█".repeat(6)}${"░".repeat(18)} 1/4  $0.00  about 6 s left`);
  expect(after(1500)).toContain("about 5 s left");
  expect(after(4000)).toContain("about 1 s left");
  expect(after(60_000)).toMatch(/1\/4 {2}\$0\.00$/);
  ends(500);
  expect(line()).toContain("2/4  $0.00  about 1 m 08 s left");
  ends(0);
  ends(0);
  expect(line()).toBe(`${"█".repeat(24)} 4/4  $0.00`);
});

test.each([[40, 24], [30, 15], [20, 5], [15, 0], [10, 0]])(
  "a terminal of %i columns: the bar gets what the cost leaves",
  (columns, bar) => {
    const { line } = given({ columns, spentMicrousd: 1_230_000, total: 100, done: 50 });
    expect(line().replace(/^[█░]* ?/, "")).toBe("50/100  $1.23".slice(0, columns - 1));
    expect(line().match(/[█░]/g)?.length ?? 0).toBe(bar);
  },
);

test("on a narrow terminal the time that is left gives way to the cost", () => {
  const { ends, line } = given({ columns: 30, spentMicrousd: 123 });
  ends(2000);
  expect(line()).toMatch(/^█+░+ 1\/4 {2}\$0\.000123$/);
});

test("a line that is said stays, and the bar goes on below it", () => {
  const { say, written } = given();
  say("Waiting");
  expect(written()).toMatch(/\r\x1b\[2KWaiting\n\r\x1b\[2K░{24} 0\/4 {2}\$0\.00$/);
});
