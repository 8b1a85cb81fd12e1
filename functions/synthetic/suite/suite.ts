/**
 * Works on a run: takes scenarios from the store, as many at once as the run says, until none is left or time is up.
 *
 * Several workers may be at the same run, and any of them may end at any point.
 *
 * @module
 */
import type { BotUnderTest, Provider } from "../define.ts";
import type { Recordings } from "../llm/ports.ts";
import { runScenario as realRunScenario } from "../runner/run_scenario.ts";
import type { NamedScenario } from "../scenario.ts";
import { openKeeper } from "./keeper.ts";
import { resultHash } from "./hash.ts";
import { seedOf } from "./order.ts";
import { brokenOff, failedOf } from "./outcomes.ts";
import type { Outcome, RunHead, Store, Taken } from "./ports.ts";
import { sleep } from "../sleep.ts";

export interface SuiteOptions {
  head: RunHead;
  store: Store;
  scenarios: readonly NamedScenario[];
  bot: BotUnderTest;
  /** Null in a replay. */
  provider: Provider | null;
  recordingsOf(scenario: string): Recordings;
  record: boolean;
  /** Stops this worker at once, as when somebody presses Ctrl-C. */
  signal: AbortSignal;
  /** On the clock of `performance.now`: no scenario is taken after it. */
  until?: number;
  /** Told of each scenario that begins and ends. */
  progress?: (event: { kind: "began"; taken: Taken } | { kind: "ended"; taken: Taken; outcome: Outcome }) => void;
  /** @default the real one */
  runScenario?: typeof realRunScenario;
  /** Milliseconds. @default the database's */
  timing?: { leaseMs?: number; beatMs?: number; waitMs?: number };
}

/** `lost`: the database was away for so long that somebody else may have what this worker had; nothing more is told to it. */
export type SuiteEnd = "done" | "more" | "stopped" | "lost";

/** Between two questions whether something is left that others have. */
const WAIT_MS = 1000;

/** `more`: time is up and something is left. @throws when the database refuses, or is away while nothing is taken. */
export async function runSuite(options: SuiteOptions): Promise<SuiteEnd> {
  const { head, store, scenarios, until = Infinity, progress, runScenario = realRunScenario, timing = {} } = options;
  const byName = new Map(
    scenarios.map((scenario) => [scenario.name, { ...scenario, hash: resultHash(scenario, options.bot) }]),
  );
  const keeper = openKeeper(store, timing);
  const failed = new AbortController();
  /** Nothing is left: whoever waits need not. */
  const done = new AbortController();
  const signal = AbortSignal.any([options.signal, keeper.signal, failed.signal]);

  async function outcomeOf(taken: Taken): Promise<Outcome> {
    const scenario = byName.get(taken.scenario);
    if (!scenario) return failedOf("There is no such scenario here: it was renamed or deleted since it was asked for.");
    try {
      return await runScenario(scenario, {
        bot: options.bot,
        tier: head.tier,
        mode: head.mode,
        provider: options.provider,
        ledger: store.ledger(taken),
        recordings: options.recordingsOf(taken.scenario),
        record: options.record,
        transport: store.transport(taken),
        signal,
        seed: seedOf(taken.scenario),
      });
    } catch (error) {
      // The others have nothing to do with it.
      return signal.aborted
        ? brokenOff(scenario.hash)
        : failedOf(`It could not be run: ${error instanceof Error ? error.message : error}`, scenario.hash);
    }
  }

  async function work(taken: Taken): Promise<void> {
    progress?.({ kind: "began", taken });
    const outcome = await outcomeOf(taken);
    // Whoever takes it next, or has it already, is to find it as if we had been killed.
    if (keeper.why === "lost" || failed.signal.aborted) return;
    const kept = await store.finish(taken, outcome);
    if (kept) progress?.({ kind: "ended", taken, outcome });
  }

  async function lane(): Promise<SuiteEnd> {
    for (;;) {
      if (signal.aborted) return keeper.why ?? "stopped";
      if (performance.now() >= until) return "more";
      const asked = performance.now();
      const next = await store.take();
      if (next.kind !== "taken") {
        if (next.kind === "done") {
          done.abort();
          return "done";
        }
        const left = Math.max(0, until - performance.now());
        await sleep(Math.min(timing.waitMs ?? WAIT_MS, left), AbortSignal.any([signal, done.signal]));
        continue;
      }
      keeper.hold(asked);
      try {
        await work(next);
      } finally {
        keeper.letGo();
      }
    }
  }

  const lanes = Array.from({ length: Math.max(1, head.concurrency) }, () =>
    lane().catch((error: unknown) => {
      // What the others have begun is broken off rather than paid for in vain.
      failed.abort(error);
      throw error;
    }));
  const ends = await Promise.allSettled(lanes);
  if (keeper.why) return keeper.why;
  if (options.signal.aborted) return "stopped";
  const broken = ends.find((end) => end.status === "rejected");
  if (broken) throw broken.reason;
  return ends.some((end) => end.status === "fulfilled" && end.value === "more") ? "more" : "done";
}
