// The store on a line to the real database that breaks; what the functions themselves do is tested in test/sql.
import { AsyncLocalStorage } from "node:async_hooks";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Db } from "../../../../functions/_shared/db.ts";
import type { RunKey } from "../../../../functions/_shared/synthetic_db.ts";
import type { Taken } from "../../../../functions/_shared/synthetic_work.ts";
import { sqlStore, type SqlStoreOptions } from "../../../../functions/synthetic/suite/sql_store.ts";
import { first } from "../../../_support/line.ts";
import { type RunStack, startRunStack } from "../../../_support/run_stack.ts";
import { end, entry, givenCall, givenRun, givenTaken, outcome, start } from "../../../_support/synthetic.ts";
import { makeTrace } from "../../../_support/traces.ts";

let on: RunStack;
let run: RunKey;
beforeAll(async () => void (on = await startRunStack()));
afterAll(() => on?.end());
beforeEach(async () => {
  await on.forget();
  await on.sql.register([entry("a")]);
  run = await givenRun(on.sql, { at: Date.now() });
});

const store = (more: Partial<SqlStoreOptions> = {}) =>
  sqlStore({ db: on.db, run, worker: "w", signal: new AbortController().signal, patienceMs: 2000, ...more });
const taken = () => givenTaken(on.sql, run, "w", Date.now());
const asked = () => on.line.asked.map(({ name }) => name);
const wrong = () => ({ run: { ...run, token: "wrong" } });
const AWAY = { code: "", status: 503 };
const REFUSED = { code: "TG060" };

/** What the books say of the run's only scenario. */
async function books() {
  const { rows } = await on.client.query(`
    select i.state, i.attempts, r.spent_microusd::int as spent, r.reserved_microusd::int as reserved,
      (select count(*)::int from tracegram.synthetic_calls) as calls
    from tracegram.synthetic_runs as r join tracegram.synthetic_results as i using (run_id)
  `);
  return rows[0];
}

test("a database that is away for a moment is asked again, and calls that are in the books are told of", async () => {
  on.line.breaks = first(2, "away");
  const settled = vi.fn();
  const { take, ledger, finish } = store({ settled });
  const it = await take() as Taken;
  expect(it).toEqual({ kind: "taken", position: 1, scenario: "a", repeat: 1, attempt: 1 });
  const begun = await ledger(it).begin(start());
  if (begun.kind !== "go") throw new Error(begun.kind);
  expect(settled).not.toHaveBeenCalled();
  await ledger(it).settle(begun.call_id, end(20));
  expect(settled.mock.calls).toEqual([[end(20)]]);
  expect(await finish(it, outcome())).toBe(true);
  expect(asked()).toEqual(
    ["take_scenario", "begin_llm_call", "settle_llm_call", "finish_scenario"].flatMap((name) => [name, name, name]),
  );
  expect(await books()).toEqual({ state: "passed", attempts: 1, spent: 20, reserved: 0, calls: 1 });
});

test("an answer that is lost is asked for again: nothing is set aside, booked or finished twice", async () => {
  on.line.breaks = first(1, "lost");
  const { ledger, finish } = store();
  const it = await taken();
  const begun = await ledger(it).begin(start({ worst_microusd: 100 }));
  if (begun.kind !== "go") throw new Error(begun.kind);
  expect(await books()).toMatchObject({ spent: 0, reserved: 100, calls: 1 });
  await ledger(it).settle(begun.call_id, end(20));
  expect(await finish(it, outcome())).toBe(true);
  expect(asked()).toEqual(["begin_llm_call", "settle_llm_call", "finish_scenario"].flatMap((name) => [name, name]));
  expect(await books()).toEqual({ state: "passed", attempts: 1, spent: 20, reserved: 0, calls: 1 });
});

test("what it refuses is not asked again, and a beat never is", async () => {
  const refused = store(wrong());
  await expect(refused.take()).rejects.toMatchObject(REFUSED);
  await expect(refused.finish(await taken(), outcome())).rejects.toMatchObject(REFUSED);
  on.line.breaks = first(1, "away");
  await expect(store().beat()).rejects.toMatchObject(AWAY);
  // Of what a scenario has come to, at least that it has ended might be kept.
  expect(asked()).toEqual(["take_scenario", "finish_scenario", "finish_scenario", "beat_synthetic_run"]);
});

test("what came of a scenario and is too much to be kept has failed", async () => {
  expect(await store().finish(await taken(), outcome({ cost_microusd: 2 ** 32 }))).toBe(true);
  const [result] = (await on.db.getRun(run.run_id))!.results;
  expect(result).toMatchObject({
    state: "failed",
    failures: [{ message: expect.stringContaining("What came of it could not be kept: cost_microusd is 4294967296") }],
  });
});

test("patience ends: by its time, and at once with the run, but for what was paid", async () => {
  on.line.breaks = () => "away";
  await expect(store({ patienceMs: 150 }).take()).rejects.toMatchObject(AWAY);
  // As often as there was time for.
  expect(asked().length).toBeLessThan(4);
  expect(new Set(asked())).toEqual(new Set(["take_scenario"]));

  const it = await taken();
  const call = await givenCall(on.sql, run, it, {}, Date.now());
  on.line.breaks = first(1, "away");
  const stopped = store({ signal: AbortSignal.abort() });
  await expect(stopped.take()).rejects.toMatchObject(AWAY);
  await expect(stopped.ledger(it).begin(start())).rejects.toMatchObject(AWAY);
  await stopped.ledger(it).settle(call, end(20));
  expect(await stopped.finish(it, outcome())).toBe(true);
  expect(await books()).toMatchObject({ state: "passed", spent: 20, calls: 1 });
});

test("traces: what is refused of them, a database that is away, a batch that is too large", async () => {
  const it = await taken();
  const send = (traces: object[], more: Partial<SqlStoreOptions> = {}) =>
    store(more).transport(it).send(traces.map((trace) => JSON.stringify(trace)), new AbortController().signal);
  const [trace, unnamed] = [makeTrace(), makeTrace({ pipeline: "" })];
  expect(await send([trace, unnamed])).toEqual({
    kind: "accepted",
    rejected: [{ trace_id: unnamed.trace_id, result: "rejected", code: "TG010", message: "pipeline is missing" }],
  });
  expect(await on.db.getTrace(trace.trace_id)).toMatchObject({ trace_id: trace.trace_id });
  expect(await send([trace], wrong())).toMatchObject({ kind: "refused", code: "TG060" });
  expect(await send(Array(501).fill({}))).toEqual({ kind: "too_large" });
  on.line.breaks = first(1, "away");
  expect(await send([trace])).toMatchObject({ kind: "retry" });
});

test("requests are made outside of the context of whoever asks: what they leave behind is not a bot's", async () => {
  const context = new AsyncLocalStorage<string>();
  const seen: [string, string | undefined][] = [];
  const noting = new Proxy(on.db, {
    get: (of, name: keyof Db) => (...args: unknown[]) => {
      seen.push([name, context.getStore()]);
      return (of[name] as (...args: unknown[]) => unknown)(...args);
    },
  });
  const it = await taken();
  const call = await givenCall(on.sql, run, it, {}, Date.now());
  const { ledger, transport } = store({ db: noting });
  await context.run("a bot", async () => {
    await ledger(it).begin(start());
    await ledger(it).settle(call, end(20));
    await transport(it).send([JSON.stringify(makeTrace())], new AbortController().signal);
  });
  expect(seen).toEqual([["beginCall", undefined], ["settleCall", undefined], ["storeSyntheticTraces", undefined]]);
});
