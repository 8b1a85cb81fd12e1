// Over 300 lines, because it is one machine of few steps, and each test is a way through them.
//
// What the screens of synthetic tests ask the real database, and what becomes of its answers. Their words: ../render/.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunAsk, RunWish } from "../../../../functions/_shared/db.ts";
import type { Action } from "../../../../functions/telegram/callback.ts";
import { commandReply } from "../../../../functions/telegram/commands.ts";
import { openAllowed } from "../../../../functions/telegram/open_allowed.ts";
import { dollars } from "../../../../functions/telegram/render/units.ts";
import type { Reply, Screen } from "../../../../functions/telegram/render/screen.ts";
import { createRunner } from "../../../../functions/telegram/runner.ts";
import type { ScreenDeps } from "../../../../functions/telegram/screens/deps.ts";
import { first } from "../../../_support/line.ts";
import { type Receiver, startReceiver } from "../../../_support/receiver.ts";
import { type RunStack, startRunStack } from "../../../_support/run_stack.ts";
import { end, entry, givenCall, givenRun, givenTaken, outcome } from "../../../_support/synthetic.ts";
import { makeTrace } from "../../../_support/traces.ts";

const [OPERATOR, VIEWER, OTHER, NOBODY] = [1001, 1002, 1003, 1004];
const NO_RUN = "6f1c2a34-9b7d-4e21-8a55-0c9d3e4f5a6b";
const SMOKE = { screen: "ask", tier: "smoke", mode: "live" } as const;

let on: RunStack;
/** In place of the function that runs what was confirmed. */
let receiver: Receiver;
beforeAll(async () => {
  on = await startRunStack();
  await on.client.query(
    "insert into tracegram.admins (user_id, role) values ($1, 'operator'), ($2, 'viewer'), ($3, 'operator')",
    [OPERATOR, VIEWER, OTHER],
  );
});
afterAll(() => on?.end());
beforeEach(async () => {
  await on.forget();
  await on.client.query("truncate tracegram.admin_audit");
  const priced = { expected_microusd: 5000, worst_microusd: 17_256 };
  await on.sql.register(
    ["cancel", "refund"].map((name) => entry(name, { smoke: true, priced: { smoke: priced, release: priced } })),
  );
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

/** @param actor Who they were when their update was claimed; the database asks once more who they are. */
function setUp(actor: Partial<ScreenDeps["actor"]> = {}) {
  const told: string[] = [];
  const slept: number[] = [];
  const logged: object[] = [];
  const deps: ScreenDeps = {
    db: on.db,
    now: () => new Date(),
    actor: { user_id: OPERATOR, chat_id: -100, role: "operator", ...actor },
    runner: createRunner({ supabaseUrl: receiver.url, log: (record) => void logged.push(record) }),
    sleep: (ms) => Promise.resolve(void slept.push(ms)),
    tellRun: (runId) => Promise.resolve(told.push(runId)),
  };
  const open = (action: Action) => openAllowed(deps, action, {}) as Promise<Screen>;
  return { deps, told, slept, logged, open };
}
const viewer = { user_id: VIEWER, role: "viewer" } as const;
/** An operator until a moment ago. */
const removed = { user_id: NOBODY };

const asked = () => on.line.asked.map(({ name }) => name);
const audit = async () =>
  (await on.client.query(
    "select user_id::int as who, action, allowed, detail from tracegram.admin_audit order by audit_id",
  )).rows;
const states = async () =>
  (await on.client.query("select state, mode, ceiling_microusd::int as ceiling from tracegram.synthetic_runs")).rows;

const runner_url = () => `${receiver.url}/functions/v1/synthetic`;
async function givenAsk(wish: Partial<RunWish> = {}, actor = OPERATOR): Promise<string> {
  const ask = await on.sql.ask(actor, { tier: "smoke", runner_url: runner_url(), ...wish }, Date.now());
  return (ask as RunAsk).run_id;
}
const givenRunning = async (wish: Partial<RunWish> = {}) =>
  await givenRun(on.sql, { actor: OPERATOR, tier: "smoke", ceiling: 34_512, at: Date.now(), ...wish });

describe("asking", () => {
  test("begins nothing, and says where it is told and run", async () => {
    const screen = await setUp().open(SMOKE);
    expect(screen).toMatchObject({ name: "ask", html: expect.stringContaining("at most $0.0346") });
    expect(on.line.asked).toEqual([{
      name: "ask_synthetic_run",
      args: {
        p_actor: OPERATOR,
        p_wish: { tier: "smoke", mode: "live", chat_id: -100, runner_url: runner_url() },
      },
    }]);
    expect([await states(), receiver.heard]).toEqual([[{ state: "asked", mode: "live", ceiling: 0 }], []]);
  });

  test("for a dry run confirms it at once, with nothing to spend", async () => {
    expect((await setUp().open({ ...SMOKE, mode: "replay" })).html).toContain("costs nothing");
    expect(asked()).toEqual(["ask_synthetic_run", "confirm_synthetic_run"]);
    expect(on.line.asked[1]!.args["p_ceiling_microusd"]).toBe(0);
    expect(await states()).toEqual([{ state: "running", mode: "replay", ceiling: 0 }]);
    expect(receiver.heard).toMatchObject([{ path: "/functions/v1/synthetic" }]);
  });

  test.each<[string, string, string, () => Promise<unknown>, Partial<ScreenDeps["actor"]>]>([
    ["is no operator any more", "refusal", "You may not do this.", () => Promise.resolve(), removed],
    ["has a run", "ask", "A run of yours is going on.", () => givenRunning(), {}],
    ["has no scenarios", "ask", "There are no such scenarios.", () => on.sql.register([]), {}],
    [
      "has spent all there is",
      "ask",
      "Nothing may be spent now.",
      () => on.db.changeSettings({ synthetic_day_cap_microusd: 0 }),
      {},
    ],
  ])("is of no use to who %s", async (_, name, words, given, actor) => {
    await given();
    expect(await setUp(actor).open(SMOKE)).toMatchObject({ name, html: expect.stringContaining(words) });
  });

  test("is for operators: the audit has who tried", async () => {
    const run = await givenRunning();
    await on.client.query("truncate tracegram.admin_audit");
    const { open } = setUp(viewer);
    const { trace_id } = makeTrace();
    for (
      const action of [
        SMOKE,
        { screen: "confirm", run_id: run.run_id, ceiling: 5 },
        { screen: "stop", run_id: run.run_id },
        { screen: "fixture", trace_id },
      ] as const
    ) expect(await open(action)).toMatchObject({ name: "refusal" });
    expect(asked()).toEqual(Array(4).fill("refuse_action"));
    expect(await audit()).toEqual([
      { who: VIEWER, action: "run_tests", allowed: false, detail: { tier: "smoke", mode: "live" } },
      { who: VIEWER, action: "run_tests", allowed: false, detail: { run_id: run.run_id, ceiling: 5 } },
      { who: VIEWER, action: "run_tests", allowed: false, detail: { run_id: run.run_id } },
      { who: VIEWER, action: "read_io", allowed: false, detail: { trace_id } },
    ]);
    expect(await states()).toMatchObject([{ state: "running" }]);
  });

  describe("in words, with names", () => {
    const write = (deps: ScreenDeps, words: string, unclaimed?: unknown) => {
      const told = { changing: 0 };
      const reply = commandReply(
        deps,
        { adminIds: [], token: "1:a" },
        { command: { name: "admin", words }, reply: {} as never, isGroup: false },
        {
          unclaimed,
          changing: () => void told.changing++,
          open: () => Promise.reject(new Error("it opens nothing else")),
          failed: (error, action): Reply => ({
            name: "failed",
            html: String(error),
            chars: 0,
            keyboard: [[{ label: "again", action }]],
          }),
        },
      ) as Promise<Screen>;
      return { reply, told };
    };

    test("asks for these alone", async () => {
      expect(await write(setUp().deps, "test smoke refund").reply).toMatchObject({ name: "ask" });
      expect(on.line.asked).toMatchObject([{ args: { p_wish: { tier: "smoke", scenarios: ["refund"] } } }]);
    });

    test.each(["test smoke refund nosuch", "test nosuch", "test dry nosuch"])(
      "says which there is not: %s",
      async (words) => {
        const screen = await write(setUp().deps, words).reply;
        expect(screen).toMatchObject({ name: "no_scenario", html: expect.stringContaining("nosuch") });
        expect(screen.html).toMatch(/There are: <b>cancel<\/b> · <b>refund<\/b>/);
        expect(await states()).toEqual([]);
      },
    );

    test("is for operators", async () => {
      expect(await write(setUp(viewer).deps, "test smoke refund").reply).toMatchObject({ name: "refusal" });
      expect(asked()).toEqual(["refuse_action"]);
    });

    test("a dry run is begun by who has a claim", async () => {
      const { deps } = setUp();
      expect(await write(deps, "test dry refund", new Error("away")).reply).toMatchObject({ name: "failed" });
      expect(asked()).toEqual([]);
      const { reply, told } = write(deps, "test dry refund");
      await reply;
      expect(told.changing).toBe(1);
      expect(await states()).toMatchObject([{ state: "running", mode: "replay" }]);
    });

    test("that fails leads to the tests, and not to a run of all", async () => {
      on.line.breaks = () => "away";
      expect(await write(setUp().deps, "test release refund").reply).toMatchObject({
        name: "failed",
        keyboard: [[{ action: { screen: "tests" } }]],
      });
    });
  });
});

describe("confirming", () => {
  const confirm = (run_id: string, ceiling = 34_512) => ({ screen: "confirm", run_id, ceiling }) as const;

  test("tells the function that runs it, with the run's token", async () => {
    const run_id = await givenAsk();
    const screen = await setUp().open(confirm(run_id));
    expect(screen.html).toContain("at most $0.0346");
    expect(screen.html).not.toContain("did not answer");
    expect(await states()).toEqual([{ state: "running", mode: "live", ceiling: 34_512 }]);
    expect(receiver.heard).toMatchObject([{ method: "POST", path: "/functions/v1/synthetic" }]);
    const told = JSON.parse(receiver.heard[0]!.body);
    expect(told).toEqual({ run_id, token: expect.any(String) });
    expect(await on.db.enterRun(told)).toMatchObject({ run_id, state: "running" });
    expect(screen.html + JSON.stringify(screen.keyboard)).not.toContain(told.token);
  });

  test.each(["refuses", "hangs up"])("when the function %s, the database will", async (what) => {
    receiver.respond = (response) => what === "refuses" ? response.writeHead(500).end() : void response.destroy();
    const { open, logged } = setUp();
    expect((await open(confirm(await givenAsk()))).html).toContain("again within a minute");
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toContain(JSON.parse(receiver.heard[0]!.body).token);
  });

  // A ceiling is always given here: it is never missing.
  test.each<[string, () => Promise<string>, string]>([
    ["expired", async () => {
      const run_id = await givenAsk();
      await on.client.query("update tracegram.synthetic_runs set confirm_until = now()");
      return run_id;
    }, "Too late"],
    ["used", async () => (await givenRunning()).run_id, "This was confirmed before."],
    ["not yours", () => givenAsk({}, OTHER), "Somebody else has asked for this run."],
    ["over a cap", async () => {
      const run_id = await givenAsk();
      await on.db.changeSettings({ synthetic_day_cap_microusd: 34_511 });
      return run_id;
    }, "That is more than may be spent by now."],
    ["gone", async () => {
      const run_id = await givenAsk();
      await on.sql.stop(OPERATOR, run_id, Date.now());
      return run_id;
    }, "This run is gone."],
  ])("may be too late: %s", async (_, given, words) => {
    const run_id = await given();
    expect(await setUp().open(confirm(run_id))).toMatchObject({
      name: "run_not_confirmed",
      html: expect.stringContaining(words),
    });
    expect(receiver.heard).toEqual([]);
  });
});

describe("a run's own message", () => {
  const watch = (run_id: string, press: "stop" | "refresh" | "failures" | "details") =>
    ({ screen: "watch", run_id, press }) as const;

  test("is stopped where it is", async () => {
    const { run_id } = await givenRunning();
    const screen = await setUp().open(watch(run_id, "stop"));
    expect(screen).toMatchObject({ name: "run_message", html: expect.stringContaining(`stopped by ${OPERATOR}`) });
    expect(screen.fresh).toBeUndefined();
    expect(asked()).toEqual(["stop_synthetic_run", "get_synthetic_run"]);
    expect(await states()).toMatchObject([{ state: "stopped" }]);
  });

  test("opens all else as a new message", async () => {
    const { open } = setUp();
    const { run_id } = await givenRunning();
    expect(await open(watch(run_id, "failures"))).toMatchObject({ name: "run", fresh: true });
    expect(await open(watch(run_id, "details"))).toMatchObject({ name: "run", fresh: true });
    expect(await open(watch(NO_RUN, "refresh"))).toMatchObject({ name: "run", fresh: true });
    expect(await setUp(removed).open(watch(run_id, "stop"))).toMatchObject({ name: "refusal", fresh: true });
    on.line.breaks = first(1, "away");
    expect(await open(watch(run_id, "refresh"))).toMatchObject({ name: "failure", fresh: true });
  });

  test("is looked at again once it is over, for the report may have been overtaken", async () => {
    const run = await givenRunning({ scenarios: ["cancel"] });
    const screen = await setUp().open(watch(run.run_id, "refresh"));
    expect(await screen.again!()).toBeNull();
    await on.sql.finish(run, await givenTaken(on.sql, run, "w", Date.now()), undefined, Date.now());
    const report = await screen.again!();
    expect(report).toMatchObject({ name: "run_message", html: expect.stringContaining("all 1 passed") });
    expect(await report!.again!()).toBeNull();
  });
});

test("stopping shows what is reserved, and what it came to once that is booked", async () => {
  const { open, slept } = setUp();
  const run = await givenRunning();
  const taken = await givenTaken(on.sql, run, "w", Date.now());
  const call = await givenCall(on.sql, run, taken, { worst_microusd: 690 }, Date.now());
  const stopped = await open({ screen: "stop", run_id: run.run_id });
  const reserved = (await on.db.getRun(run.run_id))!.reserved_microusd;
  expect(reserved).toBeGreaterThan(0);
  expect(stopped.html).toContain(`$0 of at most $0.0346 · ${dollars(reserved)} reserved · still being booked`);
  await on.sql.settle(run, call, end(460), Date.now());
  const booked = await stopped.again!();
  expect(booked!.html).toContain("$0.00046 of at most $0.0346 · still being booked");
  await on.sql.finish(run, taken, outcome({ state: "stopped" }), Date.now());
  const settled = await booked!.again!();
  expect(settled!.html).toMatch(/\n\$0\.00046 of at most \$0\.0346\n/);
  // Of two scenarios one was never begun.
  expect(settled!.html.match(/broken off|not run/g)!.sort()).toEqual(["broken off", "not run"]);
  expect([settled!.again, slept]).toEqual([undefined, [1500, 1500]]);
});

test("a question is taken back by who has asked it, and by no other operator", async () => {
  const run_id = await givenAsk({}, OTHER);
  const { open } = setUp();
  expect((await open({ screen: "stop", run_id })).toast).toMatch(/^Somebody else has asked for this run\./);
  expect((await open({ screen: "run", run_id, only: "all", page: 0 })).keyboard.flat().map(({ label }) => label))
    .not.toContain("Cancel");
  expect(await states()).toMatchObject([{ state: "asked" }]);
  const other = setUp({ user_id: OTHER }).open;
  expect((await other({ screen: "run", run_id, only: "all", page: 0 })).keyboard.flat().map(({ label }) => label))
    .toContain("Cancel");
  expect((await other({ screen: "stop", run_id })).html).toContain("taken back");
});

test("viewers see no buttons that they may not use", async () => {
  const { run_id } = await givenRunning();
  const labels = async (actor: Partial<ScreenDeps["actor"]>) => {
    const { open } = setUp(actor);
    const screens = [await open({ screen: "tests" }), await open({ screen: "run", run_id, only: "all", page: 0 })];
    return screens.flatMap(({ keyboard }) => keyboard.flat().map(({ label }) => label));
  };
  const spending = ["▶ Smoke", "▶ Release", "Dry run", "■ Stop"];
  expect(await labels({})).toEqual(expect.arrayContaining(spending));
  expect((await labels(viewer)).filter((label) => spending.includes(label))).toEqual([]);
});

test("stopping shows the run, and has its own message told; one that is gone is said to be so", async () => {
  const { open, told } = setUp();
  const { run_id } = await givenRunning();
  expect(await open({ screen: "stop", run_id })).toMatchObject({ name: "run" });
  expect([told, asked()]).toEqual([[run_id], ["stop_synthetic_run", "get_synthetic_run"]]);
  expect((await open({ screen: "stop", run_id: await givenAsk() })).html).toContain("taken back, nothing was spent");
  expect(told).toEqual([run_id]);
  expect((await open({ screen: "stop", run_id: NO_RUN })).html).toContain("This run is gone.");
  expect((await open({ screen: "result", run_id: NO_RUN, position: 1, page: 0 })).html).toContain("This run is gone.");
});
