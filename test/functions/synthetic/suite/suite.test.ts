// The loop of a worker, on scripted scenarios and a store in memory.
import { expect, test } from "vitest";
import { RpcError } from "../../../../functions/_shared/errors.ts";
import { runSuite } from "../../../../functions/synthetic/suite/suite.ts";
import { aborted, fakeStore, outcome, scripted, sleep, suiteOptions } from "./_support.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"];

test("every scenario runs once, as many at once as the run says, and each is told of", async () => {
  const store = fakeStore(NAMES);
  const told: string[] = [];
  const end = await runSuite(suiteOptions(store, NAMES, {
    head: { run_id: "r", tier: "smoke", mode: "live", seed: 1, concurrency: 3 },
    runScenario: scripted(Object.fromEntries(NAMES.map((name) => [name, () => sleep(5).then(() => outcome())]))),
    progress: ({ kind, taken }) => told.push(`${kind} ${taken.scenario}`),
  }));
  expect(end).toBe("done");
  expect(store.results.map(({ taken }) => taken.scenario).sort()).toEqual(NAMES);
  expect(store.most).toBe(3);
  expect(told.filter((line) => line.startsWith("began")).length).toBe(7);
  expect(told.filter((line) => line.startsWith("ended")).length).toBe(7);
});

test("two workers share a run, and the one with nothing left waits for what the other has", async () => {
  const store = fakeStore(NAMES);
  const runScenario = scripted(Object.fromEntries(NAMES.map((name) => [name, () => sleep(5).then(() => outcome())])));
  const ends = await Promise.all([1, 2].map(() => runSuite(suiteOptions(store, NAMES, { runScenario }))));
  expect(ends).toEqual(["done", "done"]);
  expect(store.results.map(({ taken }) => taken.scenario).sort()).toEqual(NAMES);
});

test("what breaks in the runner is the outcome of that scenario, and the others run", async () => {
  const store = fakeStore(["a", "b", "gone"]);
  const runScenario = scripted({
    a: () => {
      throw new TypeError("x is undefined");
    },
  });
  expect(await runSuite(suiteOptions(store, ["a", "b"], { runScenario }))).toBe("done");
  const of = (name: string) => store.results.find(({ taken }) => taken.scenario === name)!.outcome;
  expect(of("a")).toMatchObject({
    state: "failed",
    failures: [{ turn: 0, expectation: "bot", message: "It could not be run: x is undefined" }],
  });
  expect(of("b").state).toBe("passed");
  expect(of("gone").failures[0]!.message).toContain("no such scenario");
});

test("it beats while it has scenarios, and only then", async () => {
  const store = fakeStore(["a"]);
  const runScenario = scripted({
    a: async () => {
      while (store.beats < 3) await sleep(5);
      return outcome();
    },
  });
  await runSuite(suiteOptions(store, ["a"], { runScenario, timing: { leaseMs: 5000, beatMs: 10 } }));
  expect(store.results[0]!.outcome.state).toBe("passed");
  const { beats } = store;
  await sleep(40);
  expect(store.beats).toBe(beats);

  const waiting = fakeStore(["x"]);
  await waiting.take(); // somebody else's
  const end = runSuite(suiteOptions(waiting, ["x"]));
  await sleep(50);
  expect(waiting.beats).toBe(0);
  waiting.held.clear();
  expect(await end).toBe("done");
});

test("a beat that says stopped aborts what is under way at once, and nothing more is taken", async () => {
  const store = fakeStore(NAMES);
  const broken: string[] = [];
  const runScenario = scripted(Object.fromEntries(NAMES.map((name) => [name, async ({ signal }) => {
    store.onBeat = () => Promise.resolve({ stopped: true });
    await aborted(signal);
    broken.push(name);
    return outcome({ state: "stopped" });
  }])));
  expect(await runSuite(suiteOptions(store, NAMES, { runScenario }))).toBe("stopped");
  expect(broken).toEqual(["a", "b"]);
  expect(store.results.map(({ outcome }) => outcome.state)).toEqual(["stopped", "stopped"]);
});

test("a scenario that breaks off by rejecting is stopped, not failed", async () => {
  const store = fakeStore(["a"]);
  const abort = new AbortController();
  const runScenario = scripted({
    a: async ({ signal }) => {
      abort.abort();
      await aborted(signal);
      throw new Error("aborted");
    },
  });
  expect(await runSuite(suiteOptions(store, ["a"], { runScenario, signal: abort.signal }))).toBe("stopped");
  expect(store.results[0]!.outcome.state).toBe("stopped");
});

test("beats that fail for less than a lease do no harm", async () => {
  const store = fakeStore(["a"]);
  let failing = 5;
  store.onBeat = () => failing-- > 0 ? Promise.reject(new Error("away")) : Promise.resolve({ stopped: false });
  const runScenario = scripted({
    a: async () => {
      while (failing >= 0) await sleep(5);
      return outcome();
    },
  });
  const timing = { leaseMs: 5000, beatMs: 10 };
  expect(await runSuite(suiteOptions(store, ["a"], { runScenario, timing }))).toBe("done");
  expect(store.results[0]!.outcome.state).toBe("passed");
});

test.each([
  ["fails", () => Promise.reject(new Error("away"))],
  ["hangs", () => new Promise<never>(() => {})],
])(
  "a lease without a beat, which %s: paid calls are aborted, and nothing is written of what others may have",
  async (_, onBeat) => {
    const store = fakeStore(["a", "b"]);
    store.onBeat = onBeat;
    const began = performance.now();
    const runScenario = scripted({ a: ({ signal }) => aborted(signal).then(() => outcome({ state: "stopped" })) });
    const options = suiteOptions(store, ["a"], {
      runScenario,
      head: { run_id: "r", tier: "smoke", mode: "live", seed: 1, concurrency: 1 },
    });
    expect(await runSuite(options)).toBe("lost");
    expect(performance.now() - began).toBeGreaterThanOrEqual(170);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(store.results).toEqual([]);
  },
);

test("when time is up nothing more is taken, and what was begun is ended", async () => {
  const store = fakeStore(NAMES);
  const runScenario = scripted(Object.fromEntries(NAMES.map((name) => [name, () => sleep(30).then(() => outcome())])));
  expect(await runSuite(suiteOptions(store, NAMES, { runScenario, until: performance.now() + 20 }))).toBe("more");
  expect(store.results.map(({ outcome }) => outcome.state)).toEqual(["passed", "passed"]);
  expect(store.held.size).toBe(0);
});

test("a database that refuses ends the worker, and breaks off what it has without an outcome", async () => {
  const store = fakeStore(["a", "b"]);
  const { take } = store;
  let asked = 0;
  store.take = () => ++asked === 2 ? Promise.reject(new RpcError({ code: "42501", message: "denied" }, 403)) : take();
  const runScenario = scripted({ a: ({ signal }) => aborted(signal).then(() => outcome({ state: "stopped" })) });
  await expect(runSuite(suiteOptions(store, ["a", "b"], { runScenario }))).rejects.toThrow("denied");
  expect(store.results).toEqual([]);
});

test("ids and random numbers have the same seed in each run and each repeat", async () => {
  const seeds: number[][] = [];
  for (const seed of [1, 2]) {
    const seen: number[] = [];
    const runScenario = scripted({
      a: (deps) => (seen.push(deps.seed), outcome()),
      b: (deps) => (seen.push(deps.seed), outcome()),
    });
    const head = { run_id: "r", tier: "smoke", mode: "live", seed, concurrency: 1 } as const;
    await runSuite(suiteOptions(fakeStore(["a", "a", "b"]), ["a", "b"], { runScenario, head }));
    seeds.push(seen);
  }
  expect(seeds[0]).toEqual(seeds[1]);
  expect(seeds[0]![0]).toBe(seeds[0]![1]);
  expect(seeds[0]![0]).not.toBe(seeds[0]![2]);
});
