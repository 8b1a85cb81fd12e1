/**
 * The store of a paid run: the database hands out its scenarios, keeps its books and takes its outcomes (sql/66–69).
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { batchJson, type Outcome as Sent } from "../../../tracer/transport.ts";
import { RpcError } from "../../_shared/errors.ts";
import type { RunKey, SyntheticDb } from "../../_shared/synthetic_db.ts";
import type { CallEnd } from "../llm/ports.ts";
import { failedOf } from "./outcomes.ts";
import type { Outcome, Store } from "./ports.ts";
import { sleep } from "../sleep.ts";

export interface SqlStoreOptions {
  db: Pick<
    SyntheticDb,
    "takeScenario" | "beatRun" | "beginCall" | "settleCall" | "finishScenario" | "storeSyntheticTraces"
  >;
  run: RunKey;
  /** Tells this worker from all others. */
  worker: string;
  /** No more is tried once it aborts, but for what was paid: that has to be in the books. */
  signal: AbortSignal;
  /** Told of each call that is in the books. */
  settled?: (end: CallEnd) => void;
  /** How long a database that is away is asked again, in milliseconds. @default 25000, less than a lease */
  patienceMs?: number;
}

const PATIENCE_MS = 25_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

export function sqlStore({ db, run, worker, signal, settled, patienceMs = PATIENCE_MS }: SqlStoreOptions): Store {
  // What a request leaves behind, such as the timer of a kept connection, is not the bot's in whose call it was made.
  const outside = AsyncLocalStorage.snapshot();

  /** Asks until there is an answer. What the database refuses is not asked again. */
  async function patiently<T>(ask: () => Promise<T>, stop?: AbortSignal): Promise<T> {
    const deadline = performance.now() + patienceMs;
    for (let pause = FIRST_PAUSE_MS;; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await outside(ask);
      } catch (error) {
        if (!isAway(error) || stop?.aborted || performance.now() + pause > deadline) throw error;
        await sleep(pause, stop);
      }
    }
  }

  return {
    take: () => patiently(() => db.takeScenario(run, worker), signal),
    // The next beat is soon enough: it is not asked again here.
    beat: () => db.beatRun(run, worker),
    async finish(taken, outcome) {
      const told = async (outcome: Outcome) => (await patiently(() => db.finishScenario(run, taken, outcome))).kept;
      try {
        return await told(outcome);
      } catch (error) {
        if (!isWrong(error)) throw error;
        // Whoever ran it once more would be refused as well.
        return await told(failedOf(`What came of it could not be kept: ${error.message}`, outcome.hash));
      }
    },
    ledger: (taken) => ({
      begin: (call) => {
        // An answer that is lost may be one that has set money aside.
        const once = { ...call, id: crypto.randomUUID() };
        return patiently(() => db.beginCall(run, taken, once), signal);
      },
      async settle(callId, end) {
        await patiently(() => db.settleCall(run, callId, end));
        settled?.(end);
      },
    }),
    transport: () => ({
      async send(traces, _signal, report): Promise<Sent> {
        try {
          const { items } = await outside(() => db.storeSyntheticTraces(run, JSON.parse(batchJson(traces, report))));
          return { kind: "accepted", rejected: items.flatMap((item) => item.result === "rejected" ? [item] : []) };
        } catch (error) {
          const { code, message } = error instanceof RpcError ? error : { code: "", message: String(error) };
          if (code === "TG003") return { kind: "too_large" };
          return { kind: isAway(error) ? "retry" : "refused", code: code || "database_away", message };
        }
      },
    }),
  };
}

/** What it was sent makes no sense, or is too much. */
const isWrong = (error: unknown): error is RpcError => error instanceof RpcError && error.code === "TG060";
/** Away or too busy: a retry may work. */
const isAway = (error: unknown): boolean => error instanceof RpcError && error.status === 503;
