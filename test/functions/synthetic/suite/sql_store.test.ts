// What the store does while the database is away; the functions themselves are tested in test/sql.
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test, vi } from "vitest";
import { RpcError } from "../../../../functions/_shared/errors.ts";
import { sqlStore, type SqlStoreOptions } from "../../../../functions/synthetic/suite/sql_store.ts";
import { outcome } from "./_support.ts";

const AWAY = new RpcError({ message: "fetch failed" }, 0);
const REFUSED = new RpcError({ code: "TG060", message: "makes no sense" }, 400);
const TAKEN = { kind: "taken", position: 0, scenario: "a", repeat: 1, attempt: 1 } as const;
const CALL = { key: "k", nth: 0, model: "m", worst_microusd: 10, cache: false };
const END = {
  cost_microusd: 7,
  input_tokens: 1,
  output_tokens: 1,
  status: 200,
  duration_ms: 1,
  recorded: null,
};

/** Each function fails so often, and then answers. */
function store(fails: number, error: Error = AWAY, more: Partial<SqlStoreOptions> = {}) {
  const calls: string[] = [];
  const answer = <T>(name: string, value: T) => {
    let left = fails;
    return () => {
      calls.push(name);
      return left-- > 0 ? Promise.reject(error) : Promise.resolve(value);
    };
  };
  const db = {
    takeScenario: answer("take", TAKEN),
    beatRun: answer("beat", { stopped: false }),
    beginCall: answer("begin", { kind: "go" as const, call_id: 5 }),
    settleCall: answer("settle", undefined),
    finishScenario: answer("finish", { kept: true }),
    storeSyntheticTraces: answer("traces", {
      stored: 1,
      updated: 0,
      duplicate: 0,
      rejected: 1,
      items: [
        { trace_id: "t1", result: "stored" as const },
        { trace_id: "t2", result: "rejected" as const, code: "TG012", message: "no name" },
      ],
    }),
  };
  const { signal } = new AbortController();
  const run = { run_id: "r", token: "t" };
  return { calls, ...sqlStore({ db, run, worker: "w", signal, patienceMs: 2000, ...more }) };
}

test("a database that is away for a moment is asked again, and calls that are in the books are told of", async () => {
  const settled = vi.fn();
  const { calls, take, ledger, finish } = store(2, AWAY, { settled });
  expect(await take()).toEqual(TAKEN);
  expect(await ledger(TAKEN).begin(CALL)).toEqual({ kind: "go", call_id: 5 });
  expect(settled).not.toHaveBeenCalled();
  await ledger(TAKEN).settle(5, END);
  expect(settled.mock.calls).toEqual([[END]]);
  expect(await finish(TAKEN, outcome())).toBe(true);
  expect(calls).toEqual(["take", "begin", "settle", "finish"].flatMap((name) => [name, name, name]));
});

test("what it refuses is not asked again, and a beat never is", async () => {
  const refusing = store(1, REFUSED);
  await expect(refusing.take()).rejects.toBe(REFUSED);
  await expect(refusing.finish(TAKEN, outcome())).rejects.toBe(REFUSED);
  const away = store(1);
  await expect(away.beat()).rejects.toBe(AWAY);
  expect([refusing.calls, away.calls]).toEqual([["take", "finish"], ["beat"]]);
});

test("patience ends: by its time, and at once with the run, but for what was paid", async () => {
  const short = store(Infinity, AWAY, { patienceMs: 150 });
  await expect(short.take()).rejects.toBe(AWAY);
  expect(short.calls).toEqual(["take", "take"]);

  const stopped = store(1, AWAY, { signal: AbortSignal.abort() });
  await expect(stopped.take()).rejects.toBe(AWAY);
  await expect(stopped.ledger(TAKEN).begin(CALL)).rejects.toBe(AWAY);
  await stopped.ledger(TAKEN).settle(5, END);
  expect(await stopped.finish(TAKEN, outcome())).toBe(true);
});

test("traces: what is refused of them, a database that is away, a batch that is too large", async () => {
  const send = (fails: number, error?: Error) =>
    store(fails, error).transport(TAKEN).send(['{"a":1}'], new AbortController().signal);
  expect(await send(0)).toEqual({
    kind: "accepted",
    rejected: [{ trace_id: "t2", result: "rejected", code: "TG012", message: "no name" }],
  });
  expect(await send(1)).toMatchObject({ kind: "retry" });
  expect(await send(1, REFUSED)).toMatchObject({ kind: "refused", code: "TG060" });
  expect(await send(1, new RpcError({ code: "TG003", message: "large" }, 400))).toEqual({ kind: "too_large" });
});

test("requests are made outside of the context of whoever asks: what they leave behind is not a bot's", async () => {
  const context = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const note = <T>(value: T) => () => (seen.push(context.getStore()), Promise.resolve(value));
  const db = {
    takeScenario: note(TAKEN),
    beatRun: note({ stopped: false }),
    beginCall: note({ kind: "wait" as const }),
    settleCall: note(undefined),
    finishScenario: note({ kept: true }),
    storeSyntheticTraces: note({ stored: 0, updated: 0, duplicate: 0, rejected: 0, items: [] }),
  };
  const { signal } = new AbortController();
  const { ledger, transport } = sqlStore({ db, run: { run_id: "r", token: "t" }, worker: "w", signal });
  await context.run("a bot", async () => {
    await ledger(TAKEN).begin(CALL);
    await ledger(TAKEN).settle(1, END);
    await transport(TAKEN).send(["{}"], signal);
  });
  expect(seen).toEqual([undefined, undefined, undefined]);
});
