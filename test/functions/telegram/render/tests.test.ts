// Over 300 lines, because most of it are the texts that the screens show.
import { describe, expect, test } from "vitest";
import type { RunAsk } from "../../../../functions/_shared/db.ts";
import { renderAsk, renderNotAsked } from "../../../../functions/telegram/render/ask.ts";
import { renderBegan, renderNotConfirmed } from "../../../../functions/telegram/render/confirm.ts";
import { renderNoScenario } from "../../../../functions/telegram/render/no_scenario.ts";
import { renderTests } from "../../../../functions/telegram/render/tests.ts";
import { dollarsUp } from "../../../../functions/telegram/render/units.ts";
import { ask, overview, RUN, spend } from "../runs_fixture.ts";
import { shown, visible } from "../traces_fixture.ts";

const NOW = new Date("2025-01-31T12:03:11.042Z");

describe("the tests", () => {
  test("read like this", () => {
    const screen = renderTests(overview(), { page: 0, now: NOW, mayRun: true });
    expect(shown(screen)).toBe(
      `Synthetic tests
Spent on tests today $0.1234 of $3.00
This month $4.56 of $20.00
One run may spend $1.00

✅ cancel · smoke · 2 h ago · $0.0021
❌ refund · smoke · 2 h ago · $0.0021
⚪️ smalltalk · never run

Runs
1 ❌ 31 Jan 12:03 · Smoke · 1 of 2 · $0.0042
2 ⏳ 31 Jan 12:03 · Release, dry run · 1 of 5
[▶ Smoke] [▶ Release] [Dry run]
[1] [2]
[🔄 Refresh] [🏠]`,
    );
    expect(screen.keyboard[0]!.map(({ action }) => action)).toEqual([
      { screen: "ask", tier: "smoke", mode: "live" },
      { screen: "ask", tier: "release", mode: "live" },
      { screen: "ask", tier: "release", mode: "replay" },
    ]);
  });

  test("have no buttons that begin a run for who may not", () => {
    const screen = renderTests(overview(), { page: 0, now: NOW, mayRun: false });
    expect(shown(screen)).toContain("\n[1] [2]\n[🔄 Refresh] [🏠]");
    expect(screen.keyboard.flat().map(({ action }) => action.screen)).not.toContain("ask");
  });

  test("are none before the function that has them is there", () => {
    expect(shown(renderTests(overview({ scenarios: [], runs: [] }), { page: 0, now: NOW, mayRun: true }))).toBe(
      `Synthetic tests
Spent on tests today $0.1234 of $3.00
This month $4.56 of $20.00
One run may spend $1.00

There are no scenarios: deploy the function synthetic, which has them.
[🔄 Refresh] [🏠]`,
    );
  });

  test("many are on pages, and money that is reserved is said", () => {
    const scenarios = Array.from({ length: 30 }, (_, i) => ({ ...overview().scenarios[2]!, name: `scenario ${i}` }));
    const screen = renderTests(overview({ scenarios, spend: { ...spend, reserved_microusd: 900 } }), {
      page: 9,
      now: NOW,
      mayRun: true,
    });
    expect(shown(screen)).toContain("\nReserved for calls under way: $0.0009\n");
    expect(shown(screen)).toContain("\n⚪️ scenario 24 · never run\n");
    expect(shown(screen)).toContain("[⬅️ Prev] [Page 3 of 3]\n[🔄 Refresh] [🏠]");
  });
});

describe("what a run costs", () => {
  test("is said before the button", () => {
    const screen = renderAsk(ask());
    expect(shown(screen)).toBe(
      `Smoke tests: 2 scenarios
about $0.0123, at most $0.0346

By prices, not run before
refund · $0.01, at most $0.03
By earlier runs
cancel · $0.0023, at most $0.0046

Spent on tests today $0.1234 of $3.00
This month $4.56 of $20.00
One run may spend $1.00; $0.8766 can be confirmed now
To be confirmed by 12:08 UTC, once, by you alone. The run ends before a call that would cross what you confirm.
[▶ Run, at most $0.0346]
[Cancel]`,
    );
    // Not a micro-dollar more than what was worst, which the button rounds up.
    expect(screen.keyboard.flat().map(({ action }) => action)).toEqual([
      { screen: "confirm", run_id: RUN, ceiling: 34_512 },
      { screen: "stop", run_id: RUN },
    ]);
  });

  test("is unknown of some: then a ceiling is chosen, within what is left", () => {
    const screen = renderAsk(ask({
      scenarios: [...ask().scenarios, { name: "new", estimate: null }],
      unknown: 1,
      repeat: 3,
      left_microusd: 123_456,
    }));
    expect(shown(screen)).toBe(
      `Smoke tests: 3 scenarios × 3
about $0.0123, at most $0.0346, and what is unknown
⚠️ The cost of 1 scenario is unknown. Choose the most that the run may spend.

Unknown
❓ new
By prices, not run before
refund · $0.01, at most $0.03
By earlier runs
cancel · $0.0023, at most $0.0046

Spent on tests today $0.1234 of $3.00
This month $4.56 of $20.00
One run may spend $1.00; $0.1234 can be confirmed now
To be confirmed by 12:08 UTC, once, by you alone. The run ends before a call that would cross what you confirm.
[▶ At most $0.05] [▶ At most $0.10]
[▶ At most $0.1234]
[Cancel]`,
    );
    const ceilings = screen.keyboard.flat().flatMap(({ action }) =>
      action.screen === "confirm" ? [action.ceiling] : []
    );
    expect(ceilings).toEqual([50_000, 100_000, 123_400]);
  });

  test("is unknown of all, and nothing is left: there is no button", () => {
    const scenarios = [{ name: "new", estimate: null }];
    const screen = renderAsk(
      ask({ scenarios, unknown: 1, expected_microusd: 0, worst_microusd: 0, left_microusd: 0 }),
    );
    expect(shown(screen)).toMatch(/^Smoke tests: 1 scenario\nCost unknown\n⚠️ The cost of 1 scenario is unknown/);
    expect(screen.keyboard.flat().map(({ label }) => label)).toEqual(["Cancel"]);
  });

  test("of 100 is that of the dearest, and of the rest together", () => {
    const scenarios = Array.from({ length: 100 }, (_, i) => ({
      name: `scenario-${i}`,
      estimate: i < 20 ? null : { expected_microusd: i * 1000, worst_microusd: i * 2000, from: "prices" as const },
    }));
    const rows = shown(renderAsk(ask({ scenarios, unknown: 20 }))).split("\n");
    const start = rows.indexOf("Unknown");
    expect(rows.slice(start, start + 8)).toEqual([
      "Unknown",
      ...[0, 1, 10, 11, 12, 13].map((i) => `❓ scenario-${i}`),
      "… and 14 more",
    ]);
    expect(rows.slice(start + 8, start + 10)).toEqual([
      "By prices, not run before",
      "scenario-99 · $0.099, at most $0.198",
    ]);
    // 20 to 93
    expect(rows[start + 15]).toBe("… and 74 more: $4.18, at most $8.37");
  });

  test("may be more than is left", () => {
    const screen = renderAsk(ask({ left_microusd: 10_000 }));
    expect(shown(screen)).toContain(
      "\n⚠️ Only $0.01 is left. With that the run may end before its last scenario.\n",
    );
    expect(screen.keyboard[0]![0]).toEqual({
      label: "▶ Run, at most $0.01",
      action: { screen: "confirm", run_id: RUN, ceiling: 10_000 },
    });
  });

  test.each([1, 47, 345, 1450, 9_999, 34_567, 999_999, 1_234_567, 9_999_999_999])(
    "may be more than is left, and the button says no more than that: of %i",
    (left_microusd) => {
      for (const unknown of [0, 1]) {
        const screen = renderAsk(ask({ left_microusd, unknown, worst_microusd: 10_000_000_000, expected_microusd: 0 }));
        const [, left] = /; (\S+) can be confirmed now/.exec(shown(screen))!;
        const button = screen.keyboard.flat().findLast(({ action }) => action.screen === "confirm")!;
        expect(button.label).toMatch(new RegExp(`most \\${left}$`));
        const { ceiling } = button.action as { ceiling: number };
        expect(ceiling).toBeLessThanOrEqual(left_microusd);
        expect(ceiling).toBe(Math.round(Number(left!.replace(/[$,]/g, "")) * 1_000_000));
      }
    },
  );

  test("is more than that of its scenarios: for what is under way at the end", () => {
    const head = (change: Partial<RunAsk>) => shown(renderAsk(ask(change))).split("\n\n")[0]!.split("\n").slice(1);
    expect(head({ worst_microusd: 36_512 })).toEqual([
      "about $0.0123, at most $0.0366",
      "$0.002 of it is room for calls under way at the end",
    ]);
    expect(head({ repeat: 2, worst_microusd: 2 * 34_512 })).toHaveLength(1);
  });

  test.each([0, 1, 99, 100, 34_512, 999_950, 1_000_001, 4_999_999, 10_000_000_001])(
    "at most %i micro-dollars is never less in words",
    (microUsd) => {
      const said = Number(dollarsUp(microUsd).replace(/[$,]/g, "")) * 1_000_000;
      expect(Math.round(said)).toBeGreaterThanOrEqual(microUsd);
    },
  );
});

describe("no run begins", () => {
  test("while one is going on", () => {
    expect(shown(renderNotAsked({ no: "running", run_id: RUN }))).toBe(
      `A run of yours is going on.
The next one can begin when it has ended.
[Look at it] [■ Stop it]
[⬅️ Tests] [🏠]`,
    );
  });

  test("of scenarios that there are not", () => {
    expect(shown(renderNotAsked({ no: "none", spend }))).toBe(
      `There are no such scenarios.
The tests' screen has those that there are.

Spent on tests today $0.1234 of $3.00
This month $4.56 of $20.00
[⬅️ Tests] [🏠]`,
    );
  });

  test("of a name that no scenario has", () => {
    expect(shown(renderNoScenario(["nosuch", "</b>"], ["cancel", "refund"]))).toBe(
      `There are no scenarios nosuch · </b>.
There are: cancel · refund

The tiers are smoke and release
/admin test smoke – those that say so, with cheap models
/admin test release – all, with the bot's own models
/admin test release refund cancel – these alone; without a tier, as smoke tests
/admin test dry refund – from recordings, which costs nothing
[⬅️ Tests] [🏠]`,
    );
    const many = Array.from({ length: 21 }, (_, i) => `scenario ${i}`);
    expect(shown(renderNoScenario(many, many)).split("\n").slice(0, 2)).toEqual([
      "There are no scenarios scenario 0 · scenario 1 · scenario 2 · scenario 3 · scenario 4 and 16 more.",
      "The tests' screen has the 21 that there are.",
    ]);
    expect(shown(renderNoScenario(["nosuch"], []))).toMatch(
      /^There is no scenario nosuch\.\nThere are none at all: deploy/,
    );
  });

  test("when a cap is reached", () => {
    expect(shown(renderNotAsked({ no: "cap", spend: { ...spend, today_microusd: 3_000_000 } }))).toBe(
      `Nothing may be spent now.
A cap is reached. An owner changes them in the settings; a dry run costs nothing.

Spent on tests today $3.00 of $3.00
This month $4.56 of $20.00
[⬅️ Tests] [🏠]`,
    );
  });

  test.each(
    [
      ["expired", "Too late: it could be confirmed for five minutes."],
      ["used", "This was confirmed before."],
      ["not_yours", "Somebody else has asked for this run."],
      ["over_cap", "That is more than may be spent by now."],
      ["no_ceiling", "A ceiling is missing."],
      ["gone", "This run is gone."],
    ] as const,
  )("by a confirmation that is %s", (no, what) => {
    const [first, todo, nothing] = visible(renderNotConfirmed(no, RUN).html).split("\n");
    expect(first).toBe(what);
    expect(todo).toMatch(/\.$/);
    expect(nothing).toBe("Nothing was spent by this press.");
  });

  test("by one for more than is left, whoever has made it so", () => {
    expect(visible(renderNotConfirmed("over_cap", RUN).html)).toContain(
      "Other runs have spent or reserved it meanwhile, or an owner has lowered a cap.",
    );
  });

  test("by somebody else's press, who is told so over the chat: the question stays", () => {
    expect(renderNotConfirmed("not_yours", RUN).toast).toBe(
      "Somebody else has asked for this run. Only who has asked can confirm it or take it back.",
    );
    expect(renderNotConfirmed("used", RUN).toast).toBeUndefined();
  });
});

describe("a run begins", () => {
  const began = (ceiling_microusd: number) => ({ run_id: RUN, token: "secret", ceiling_microusd, runner_url: null });

  test("and says where to look, and what it may spend", () => {
    expect(shown(renderBegan(began(34_512), true))).toBe(
      `▶ It is confirmed, and spends at most $0.0346.
How far it is comes in a message of its own, which has a button that stops it.
[Look at it] [■ Stop]
[⬅️ Tests] [🏠]`,
    );
  });

  test("later, when the function did not answer", () => {
    expect(shown(renderBegan(began(0), false))).toBe(
      `▶ It is confirmed, and costs nothing.
How far it is comes in a message of its own, which has a button that stops it.
⚠️ The function that runs it did not answer. The database asks it again within a minute.
[Look at it] [■ Stop]
[⬅️ Tests] [🏠]`,
    );
  });
});
