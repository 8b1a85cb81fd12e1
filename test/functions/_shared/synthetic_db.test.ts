// Each method once, on the real PostgREST: what goes out reaches its parameter, and what comes back has the type that it says.
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDb, type Db, type RunAsk } from "../../../functions/_shared/db.ts";
import type { RunKey } from "../../../functions/_shared/synthetic_db.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { end, entry, outcome, recorded, start } from "../../_support/synthetic.ts";
import { makeTrace } from "../../_support/traces.ts";

let stack: TestStack;
let sql: pg.Client;
let db: Db;
const AT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const ID = expect.stringMatching(/^[0-9a-f-]{36}$/);

beforeAll(async () => {
  stack = await startTestStack();
  sql = stack.client("postgres");
  await sql.connect();
  db = createDb(stack.info.api_url, stack.info.service_role_key);
});
afterAll(async () => {
  await sql?.end();
  await stack?.end();
});

const SPEND = {
  today_microusd: 0,
  month_microusd: 0,
  reserved_microusd: 0,
  run_cap_microusd: 1_000_000,
  day_cap_microusd: 3_000_000,
  month_cap_microusd: 20_000_000,
};

test("a run from its registration to its recordings", async () => {
  await sql.query("insert into tracegram.admins (user_id, role) values (7, 'operator')");
  await db.registerScenarios([entry("refund"), entry("greets", { smoke: true })]);
  const scenarios = ["greets", "refund"].map((name) => ({
    name,
    title: `About ${name}`,
    smoke: name === "greets",
    hash: "a1".repeat(8),
    last: null,
  }));
  expect(await db.syntheticOverview()).toEqual({ scenarios, runs: [], spend: SPEND });

  const asked = await db.askRun(7, {
    tier: "release",
    mode: "live",
    seed: 5,
    concurrency: 1,
    chat_id: -1001234567890,
    runner_url: "https://example.com/synthetic",
  }) as RunAsk;
  const estimate = { expected_microusd: 100, worst_microusd: 300, from: "prices" };
  expect(asked).toEqual({
    run_id: ID,
    tier: "release",
    mode: "live",
    scenarios: [{ name: "greets", estimate }, { name: "refund", estimate }],
    repeat: 1,
    expected_microusd: 200,
    worst_microusd: 600,
    unknown: 0,
    left_microusd: 1_000_000,
    spend: SPEND,
    confirm_until: AT,
  });
  const { run_id } = asked;
  expect(await db.claimRunMessage(run_id)).toBeNull();

  const confirmed = await db.confirmRun(7, run_id, null);
  const token = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(confirmed).toEqual({ run_id, token, ceiling_microusd: 600, runner_url: "https://example.com/synthetic" });
  const run: RunKey = { run_id, token: (confirmed as RunKey).token };
  const entered = {
    run_id,
    tier: "release",
    mode: "live",
    seed: 5,
    concurrency: 1,
    state: "running",
    runner_url: "https://example.com/synthetic",
  };
  expect(await db.enterRun(run)).toEqual(entered);
  expect(await db.enterRun({ run_id, token: "wrong" })).toBeNull();

  const it = await db.takeScenario(run, "w1");
  expect(it).toEqual({ kind: "taken", position: 1, scenario: expect.any(String), repeat: 1, attempt: 1 });
  if (it.kind !== "taken") throw new Error();
  expect(await db.takeScenario(run, "w1")).toEqual({ kind: "wait" });
  expect(await db.beatRun(run, "w1")).toEqual({ stopped: false });

  const call = start();
  const begun = await db.beginCall(run, it, call);
  expect(begun).toEqual({ kind: "go", call_id: expect.any(Number) });
  if (begun.kind !== "go") throw new Error();
  const answer = recorded(call, { chunks: [{ ms: 1, text: "a NUL \0 and half a pair \ud800" }] });
  await db.settleCall(run, begun.call_id, end(20, { recorded: answer }));
  const kept = { ...answer, chunks: [{ ms: 1, text: "a NUL \ufffd and half a pair \ufffd" }] };
  expect(await db.beginCall(run, it, call)).toEqual({ kind: "answer", from: "resumed", recorded: kept });

  const trace = makeTrace({ release: "synthetic" });
  expect(await db.storeSyntheticTraces(run, [trace])).toMatchObject({ stored: 1, rejected: 0 });
  const failures = [{ turn: 1, expectation: "text", message: "It says something else.", diff: ["- a", "+ b"] }];
  const judged = [{ score: 0.5, reason: "meh" }];
  const end1 = outcome({ state: "failed", failures, judged, drift: ["~ text"], trace_ids: [trace.trace_id] });
  expect(await db.finishScenario(run, it, end1)).toEqual({ kept: true });

  const result = {
    ...{ position: 1, scenario: it.scenario, repeat: 1, state: "failed", hash: "a1".repeat(8), attempts: 1, failures },
    ...{ duration_ms: 1500, calls: 1, input_tokens: 10, output_tokens: 5, spent_microusd: 20, cost_microusd: 20 },
    ...{ unconfirmed_microusd: 0, saved_microusd: 0, trace_ids: [trace.trace_id], drift: ["~ text"], judged },
    ...{ last: null, median: null },
  };
  const line = {
    ...{ run_id, state: "running", tier: "release", mode: "live", at: AT, scenarios: 2, passed: 0, failed: 1 },
    spent_microusd: 20,
  };
  const message = await db.claimRunMessage(run_id);
  expect(message).toEqual({
    chat_id: -1001234567890,
    message_id: null,
    run: {
      ...line,
      ...{ repeat: 1, seed: 5, concurrency: 1, asked_by: 7, ceiling_microusd: 600, reserved_microusd: 0 },
      ...{
        unconfirmed_microusd: 0,
        excess_microusd: 0,
        saved_microusd: 0,
        started_at: AT,
        ended_at: null,
        stopped_by: null,
        crossed: null,
        eta_ms: null,
      },
      results: [result, expect.objectContaining({ position: 2, state: "pending", hash: null, duration_ms: null })],
      spend: { ...SPEND, today_microusd: 20, month_microusd: 20 },
      version: expect.any(Number),
    },
  });
  expect(await db.claimRunMessage(run_id)).toBeNull();
  await db.finishRunMessage(run_id, 4711, message!.run.version);
  expect(await db.claimRunMessage(run_id)).toBeNull();

  expect(await db.stopRun(7, run_id)).toEqual({ state: "stopped" });
  expect(await db.beatRun(run, "w1")).toEqual({ stopped: true });
  expect(await db.claimRunMessage(run_id)).toMatchObject({ message_id: 4711, run: { state: "stopped" } });
  expect(await db.getRun(run_id)).toMatchObject({ ...line, state: "stopped", stopped_by: 7, ended_at: AT });
  expect(await db.syntheticOverview()).toEqual({
    scenarios: scenarios.map((s) =>
      s.name === it.scenario ? { ...s, last: { run_id, state: "failed", at: AT, cost_microusd: 20 } } : s
    ),
    runs: [{ ...line, state: "stopped" }],
    spend: { ...SPEND, today_microusd: 20, month_microusd: 20 },
  });
  expect(await db.runRecordings(run_id, 0)).toEqual({
    recordings: [{ call_id: begun.call_id, scenario: it.scenario, recorded: kept }],
    more: false,
  });
  expect(await db.runRecordings(run_id, begun.call_id)).toEqual({ recordings: [], more: false });
});

test("what makes no sense is refused with a code", async () => {
  const wrong = { code: "TG060", status: 400 };
  await expect(db.registerScenarios([{ name: "x" } as never])).rejects.toMatchObject(wrong);
  await expect(db.askRun(null, { tier: "cheap" as never, mode: "live" })).rejects.toMatchObject(wrong);
  await expect(db.takeScenario({ run_id: crypto.randomUUID(), token: "x" }, "w")).rejects.toMatchObject(wrong);
  expect(await db.getRun(crypto.randomUUID())).toBeNull();
  expect(await db.askRun(8, { tier: "smoke", mode: "live" })).toEqual({ refused: "operator" });
  expect(await db.stopRun(null, crypto.randomUUID())).toEqual({ no: "gone" });
  expect(await db.confirmRun(null, crypto.randomUUID(), 5)).toEqual({ no: "gone" });
});
