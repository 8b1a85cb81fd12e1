import { describe, expect, test } from "vitest";
import type { RunResult, SyntheticRun } from "../../../../functions/_shared/db.ts";
import { renderResult } from "../../../../functions/telegram/render/result.ts";
import { renderRun } from "../../../../functions/telegram/render/run.ts";
import { renderRunMessage } from "../../../../functions/telegram/render/run_message.ts";
import { failed, pending, result, RUN, run, running } from "../runs_fixture.ts";
import { id, shown, visible } from "../traces_fixture.ts";

describe("the message of a run", () => {
  test("reads like this while it runs", () => {
    expect(shown(renderRunMessage(running()))).toBe(
      `⏳ Smoke tests · 2 of 5
████████░░░░░░░░░░░░ 40 %
about 1 m 05 s left
now cancel · refund
$0.0042 of at most $0.0346 · $0.0009 reserved

✗ scenario-02 · 2.41 s · $0.0021
    turn 2, text · the answer does not contain “refund” · and 1 more
    last: it passed, time ↑ 12 %, cost as before
    median of 10: time ↓ 3 %, cost ↑ 40 %
[■ Stop] [Failures 1] [Details 5] [🔄]`,
    );
  });

  test("reads like this when it is over: what is wrong comes first", () => {
    const report = run([result(1), failed(2), result(3, { last: null, median: null, cost_microusd: null })], {
      unconfirmed_microusd: 700,
      excess_microusd: 98_950_000,
      saved_microusd: 300,
    });
    expect(shown(renderRunMessage(report))).toBe(
      `❌ Smoke tests · 1 of 3 failed
$0.0063 of at most $0.0346
⚠️ $0.0007 of it unconfirmed: the provider did not say
⚠️ $98.95 billed above what prices allow: look at the provider's bill
$0.0003 saved by equal requests
took 20.4 s · seed 42

✗ scenario-02 · 2.41 s · $0.0021
    turn 2, text · the answer does not contain “refund” · and 1 more
    last: it passed, time ↑ 12 %, cost as before
    median of 10: time ↓ 3 %, cost ↑ 40 %
✓ scenario-01 · 2.41 s · $0.0021
    last: time ↑ 12 %, cost as before
    median of 10: time ↓ 3 %, cost ↑ 40 %
✓ scenario-03 · 2.41 s · cost unknown
[Failures 1] [Details 3] [🔄]`,
    );
  });

  test("a dry run has cost nothing", () => {
    expect(shown(renderRunMessage(run([result(1, { last: null, median: null })], { mode: "replay", tier: "release" }))))
      .toBe(
        `✅ Release tests, dry run · all 1 passed
Recorded answers: it costs nothing
took 20.4 s · seed 42

✓ scenario-01 · 2.41 s · $0.0021
[Details 1] [🔄]`,
      );
  });

  test("one that was stopped says what is still being booked, and no more once it is", () => {
    const results = [pending(1, { state: "running" }), pending(2, { state: "stopped" })];
    const stopped = (change: Partial<SyntheticRun>) => {
      const view = run(results, { state: "stopped", ...change });
      return [renderRunMessage(view), renderRun(view, { only: "all", page: 0, mayStop: true })]
        .map((screen) => shown(screen).split("\n")[1]);
    };
    expect(stopped({ reserved_microusd: 690 })).toEqual(
      Array(2).fill("$0 of at most $0.0346 · $0.00069 reserved · still being booked"),
    );
    expect(stopped({})).toEqual(Array(2).fill("$0 of at most $0.0346 · still being booked"));
    results.shift();
    expect(stopped({ spent_microusd: 460 })).toEqual(Array(2).fill("$0.00046 of at most $0.0346"));
  });

  const notEnded = [pending(3, { state: "stopped" }), pending(4, { state: "stopped", attempts: 1 })];
  test.each(
    [
      ["stopped", { stopped_by: 1002 }, "⏹ Smoke tests · stopped by 1002: 1 passed, 0 failed"],
      ["stopped", {}, "⏹ Smoke tests · stopped: 1 passed, 0 failed"],
      [
        "out_of_budget",
        { crossed: "cap_run" },
        "💸 Smoke tests · ended before a call that could cross what it may spend: 1 passed, 0 failed",
      ],
      [
        "out_of_budget",
        { crossed: "cap_month" },
        "💸 Smoke tests · ended before a call that could cross the month's cap: 1 passed, 0 failed",
      ],
      ["abandoned", {}, "👻 Smoke tests · given up, for nobody went on with it: 1 passed, 0 failed"],
    ] as const,
  )("one that was %s says so, and what has not run", (state, change, title) => {
    const message = shown(renderRunMessage(run([result(1), pending(2), ...notEnded], {
      state,
      ...change,
    })));
    expect(message.split("\n")[0]).toBe(title);
    expect(message).toContain("\n· scenario-02 · not begun\n· scenario-03 · not run\n⏹ scenario-04 · broken off\n");
    expect(message).not.toContain("■ Stop");
  });

  test("many that run at once are named in part", () => {
    const now = Array.from({ length: 6 }, (_, i) => pending(i, { state: "running", repeat: i + 1 }));
    expect(shown(renderRunMessage(run(now, { state: "running", ended_at: null })))).toContain(
      "\nnow scenario-00 · scenario-01 #2 · scenario-02 #3 · scenario-03 #4 and 2 more\n",
    );
  });

  test("its buttons are its own, so that it stays the message of the run", () => {
    const actions = renderRunMessage(running()).keyboard.flat().map(({ action }) => action);
    expect(actions).toEqual(
      ["stop", "failures", "details", "refresh"].map((press) => ({ screen: "watch", run_id: RUN, press })),
    );
  });

  test("what does not fit is counted", () => {
    const many = run(Array.from({ length: 100 }, (_, i) => result(i)));
    const rows = visible(renderRunMessage(many).html).split("\n");
    const [, more] = /^… and (\d+) more$/.exec(rows.at(-1)!)!;
    expect(rows.filter((row) => row.startsWith("✓")).length + Number(more)).toBe(100);
  });
});

describe("a run", () => {
  const many = run([...Array.from({ length: 20 }, (_, i) => result(i)), failed(20)]);

  test("is on pages", () => {
    const screen = renderRun(many, { only: "all", page: 1, mayStop: true });
    expect(shown(screen).split("\n").slice(-5)).toEqual([
      "[1] [2] [3]",
      "[4] [5] [6]",
      "[⬅️ Prev] [Page 2 of 4] [Next ➡️]",
      "[Failures 1] [🔄]",
      "[⬅️ Tests] [🏠]",
    ]);
    expect(shown(screen)).toContain("\n1 ✓ scenario-06 · 2.41 s · $0.0021\n");
    expect(screen.keyboard[0]![0]!.action).toEqual({ screen: "result", run_id: RUN, position: 6, page: 0 });
  });

  test("has its failures alone, too", () => {
    const screen = renderRun(many, { only: "failed", page: 7, mayStop: true });
    expect(shown(screen)).toContain("\n1 ✗ scenario-20 ·");
    expect(shown(screen)).toContain("\n[1]\n[All 21] [🔄]\n");
    expect(shown(renderRun(run([result(1)]), { only: "failed", page: 0, mayStop: true }))).toContain(
      "\nNone has failed.\n",
    );
  });

  test("that was not confirmed has nothing of money, and can be taken back", () => {
    expect(shown(renderRun(run([pending(1)], { state: "asked", started_at: null, ended_at: null }), {
      only: "all",
      page: 0,
      mayStop: true,
    }))).toBe(
      `❔ Smoke tests · not confirmed
31 Jan 12:03 UTC, by 1001

1 · scenario-01 · not begun
[1]
[Cancel] [🔄]
[⬅️ Tests] [🏠]`,
    );
  });

  test("has no button that stops it for who may not", () => {
    const buttons = renderRun(running(), { only: "all", page: 0, mayStop: false }).keyboard.flat();
    expect(buttons.map(({ action }) => action.screen)).not.toContain("stop");
  });

  test("that was taken back, of a terminal", () => {
    expect(shown(renderRun(run([], { state: "cancelled", asked_by: null }), { only: "all", page: 0, mayStop: true })))
      .toBe(
        `✖️ Smoke tests · taken back, nothing was spent
31 Jan 12:03 UTC, from a terminal

There is nothing in it.
[🔄]
[⬅️ Tests] [🏠]`,
      );
  });
});

describe("a scenario of a run", () => {
  test("that failed reads like this", () => {
    const screen = renderResult(run([result(1), failed(2), failed(3)]), { position: 2, page: 0 });
    expect(shown(screen)).toBe(
      `✗ scenario-02
Smoke tests · failed
2.41 s · 3 calls · 1,500 + 301 tokens
$0.0021 · spent $0.0021
last: it passed, time ↑ 12 %, cost as before
median of 10: time ↓ 3 %, cost ↑ 40 %

turn 2, text: the answer does not contain “refund”
- contains refund
+ Your order is on its way,
  Ada.

max_cost_usd: it cost $0.0021, at most $0.001 was expected
[🔎 Trace]
[Next failure ➡️]
[⬅️ Run] [🔄] [🏠]`,
    );
    expect(screen.keyboard[0]![0]!.action).toEqual({
      screen: "trace",
      trace_id: id(2),
      back: { to: "result", run_id: RUN, position: 2 },
    });
  });

  test("that was judged, taken up again, and is other than recorded", () => {
    const judged = result(1, {
      judged: [{ score: 0.85, reason: "It names the order." }],
      drift: Array.from({ length: 5 }, (_, i) => `call ${i}: other`),
      saved_microusd: 800,
      unconfirmed_microusd: 300,
      attempts: 2,
      trace_ids: [],
      last: { state: "passed", duration_ms: 2413, cost_microusd: null, same_hash: false },
    });
    expect(shown(renderResult(run([judged]), { position: 1, page: 0 }))).toBe(
      `✓ scenario-01
Smoke tests · passed · attempt 2
2.41 s · 3 calls · 1,500 + 301 tokens
$0.0021, of it $0.0003 unconfirmed · spent $0.0021 · saved $0.0008
last, as it was: time as before
median of 10: time ↓ 3 %, cost ↑ 40 %
5 answers other than recorded

Judged
0.85 It names the order.
[⬅️ Run] [🔄] [🏠]`,
    );
  });

  test("has its failures on pages, and long diffs in part", () => {
    const failures = Array.from({ length: 7 }, (_, i) => ({
      turn: i,
      expectation: "text",
      message: `wrong ${i}`,
      diff: Array.from({ length: 40 }, (_, row) => `+ row ${row} of a long answer`),
    }));
    const screen = renderResult(run([failed(1, { failures })]), { position: 1, page: 0 });
    expect(shown(screen)).toMatch(/\n\+ row 0 of a long answer\n[^]*\n… \d+ more lines\n/);
    expect(shown(screen)).toContain("\n… and 4 more\n");
    expect(shown(screen)).toContain("[Page 1 of 3] [Next ➡️]");
    expect(shown(renderResult(run([failed(1, { failures })]), { position: 1, page: 2 }))).toContain("wrong 6");
  });

  test("that has not ended", () => {
    const said = (change: Partial<RunResult>) =>
      shown(renderResult(run([pending(1, change)]), { position: 1, page: 0 })).split("\n").slice(0, 2);
    expect(said({})).toEqual(["· scenario-01", "Smoke tests · not begun"]);
    expect(said({ state: "stopped" })).toEqual(["· scenario-01", "Smoke tests · not run"]);
    expect(said({ state: "stopped", attempts: 1 })).toEqual(["⏹ scenario-01", "Smoke tests · broken off"]);
  });

  test("that is not there", () => {
    expect(shown(renderResult(run([result(1)]), { position: 9, page: 0 }))).toBe(
      "There is no such scenario in this run.\n[⬅️ Run] [🏠]",
    );
  });
});
