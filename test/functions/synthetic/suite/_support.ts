/** Scenarios that do what a test says, and a store in memory that several workers can share. */
import type { runScenario } from "../../../../functions/synthetic/runner/run_scenario.ts";
import type { NamedScenario } from "../../../../functions/synthetic/scenario.ts";
import type { Outcome, Store, Taken } from "../../../../functions/synthetic/suite/ports.ts";
import type { SuiteOptions } from "../../../../functions/synthetic/suite/suite.ts";

export const outcome = (more: Partial<Outcome> = {}): Outcome => ({
  state: "passed",
  hash: "a1".repeat(8),
  failures: [],
  duration_ms: 1200,
  calls: 3,
  input_tokens: 300,
  output_tokens: 20,
  cost_microusd: 950,
  saved_microusd: 0,
  trace_ids: ["0198f3ab-0000-7000-8000-000000000001"],
  drift: [],
  judged: [],
  ...more,
});

export const scenario = (name: string, more: Partial<NamedScenario> = {}): NamedScenario => ({
  name,
  hash: "a1".repeat(8),
  title: `Shows ${name}`,
  smoke: true,
  turns: [{ say: "hi" }],
  ...more,
});

/** What a scenario does; by default it passes. */
export type Script = (deps: Parameters<typeof runScenario>[1]) => Outcome | Promise<Outcome>;

export const scripted = (scripts: Record<string, Script>): typeof runScenario => async ({ name }, deps) =>
  await (scripts[name] ?? (() => outcome()))(deps);

export interface FakeStore extends Store {
  /** Beats so far. */
  beats: number;
  /** Answers them from now on. */
  onBeat: () => Promise<{ stopped: boolean }>;
  readonly results: { taken: Taken; outcome: Outcome }[];
  /** Taken and not ended. */
  readonly held: Set<number>;
  /** Most that were held at once. */
  most: number;
}

/** Hands out what a run has, to any number of workers; `wait` while others have the rest. */
export function fakeStore(names: readonly string[]): FakeStore {
  const left = names.map((scenario, position) => ({ position, scenario, repeat: 1 }));
  const store: FakeStore = {
    beats: 0,
    onBeat: () => Promise.resolve({ stopped: false }),
    results: [],
    held: new Set(),
    most: 0,
    take() {
      const next = left.shift();
      if (!next) return Promise.resolve({ kind: store.held.size > 0 ? "wait" : "done" });
      store.held.add(next.position);
      store.most = Math.max(store.most, store.held.size);
      return Promise.resolve({ kind: "taken", attempt: 1, ...next });
    },
    ledger: () => ({
      begin: () => Promise.resolve({ kind: "go", call_id: 1 }),
      settle: () => Promise.resolve(),
    }),
    transport: () => ({ send: () => Promise.resolve({ kind: "accepted", rejected: [] }) }),
    beat() {
      store.beats++;
      return store.onBeat();
    },
    finish(taken, outcome) {
      store.held.delete(taken.position);
      store.results.push({ taken, outcome });
      return Promise.resolve(true);
    },
  };
  return store;
}

export const suiteOptions = (store: Store, scenarios: readonly string[], more: Partial<SuiteOptions> = {}) =>
  ({
    head: { run_id: "r", tier: "smoke", mode: "live", seed: 1, concurrency: 2 },
    store,
    scenarios: scenarios.map((name) => scenario(name)),
    bot: {
      create: () => Promise.reject(new Error("unused")),
      provider: () => ({ baseUrl: "http://127.0.0.1:1", apiKey: "k" }),
    },
    provider: null,
    recordingsOf: () => ({ find: () => undefined, add: () => {}, all: () => [] }),
    record: false,
    signal: new AbortController().signal,
    timing: { leaseMs: 200, beatMs: 10, waitMs: 5 },
    ...more,
  }) satisfies SuiteOptions;

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Until the signal aborts, as a call that is under way. */
export const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
