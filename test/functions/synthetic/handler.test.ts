// What the function answers, and when it works, hands over and tells. On the real database: e2e.test.ts.
import { expect, test } from "vitest";
import { RpcError } from "../../../functions/_shared/errors.ts";
import type { SyntheticDb } from "../../../functions/_shared/synthetic_db.ts";
import type { EnteredRun, Outcome } from "../../../functions/_shared/synthetic_work.ts";
import { createSynthetic, type SyntheticDeps } from "../../../functions/synthetic/handler.ts";
import { outcome, scenario, type Script, scripted, sleep } from "./suite/_support.ts";

const RUN = { run_id: "0198f3ab-0000-7000-8000-000000000001", token: "right" };

const ENTERED: EnteredRun = {
  run_id: RUN.run_id,
  tier: "smoke",
  mode: "live",
  seed: 1,
  concurrency: 1,
  state: "running",
  runner_url: null,
};

interface Options {
  names?: string[];
  scripts?: Record<string, Script>;
  db?: Partial<SyntheticDb>;
  deps?: Partial<SyntheticDeps>;
}

function synthetic({ names = ["a", "b", "c"], scripts = {}, db = {}, deps = {} }: Options = {}) {
  const left = names.map((scenario, position) => ({ position, scenario, repeat: 1 }));
  const finished: [string, Outcome][] = [];
  const seen: string[] = [];
  const work: Promise<void>[] = [];
  const handler = createSynthetic({
    db: {
      registerScenarios: (entries: readonly { name: string }[]) => {
        seen.push(`registered ${entries.map(({ name }) => name)}`);
        return Promise.resolve();
      },
      enterRun: ({ token }: { token: string }) => Promise.resolve(token === "right" ? ENTERED : null),
      takeScenario: () => {
        const next = left.shift();
        return Promise.resolve(next ? { kind: "taken", attempt: 1, ...next } : { kind: "done" });
      },
      beatRun: () => Promise.resolve({ stopped: false }),
      finishScenario: (_run: unknown, { position }: { position: number }, outcome: Outcome) => {
        finished.push([names[position]!, outcome]);
        return Promise.resolve({ kept: true });
      },
      ...db,
    } as unknown as SyntheticDb,
    scenarios: ["a", "b", "c"].map((name) => scenario(name)),
    recordings: {},
    bot: {
      create: () => Promise.reject(new Error("unused")),
      provider: (env) => {
        const apiKey = env("KEY");
        if (!apiKey) throw new Error("KEY is missing");
        return { baseUrl: "http://127.0.0.1:1", apiKey };
      },
    },
    env: () => "k",
    sliceMs: 1000,
    handOver: ({ run_id }) => {
      seen.push(`handed over ${run_id === RUN.run_id}`);
      return Promise.resolve();
    },
    teller: () => ({
      tell: () => void seen.push("told"),
      close: () => Promise.resolve(void seen.push("told the end")),
    }),
    background: (ended) => void work.push(ended),
    log: () => {},
    runScenario: scripted(scripts),
    ...deps,
  });
  const call = async (body: unknown, method = "POST") => {
    const init = method === "GET" ? {} : { method, body: typeof body === "string" ? body : JSON.stringify(body) };
    const response = await handler(new Request("http://127.0.0.1/synthetic", init));
    return [response.status, await response.json()];
  };
  return { call, finished, seen, work };
}

test("GET registers the scenarios once, and says how many there are", async () => {
  const { call, seen } = synthetic();
  expect(await call(undefined, "GET")).toEqual([200, { scenarios: 3 }]);
  expect(await call(undefined, "GET")).toEqual([200, { scenarios: 3 }]);
  expect(seen).toEqual(["registered a,b,c"]);
});

test("GET, while the database is away: 503, and the next one registers", async () => {
  let away = true;
  const { call } = synthetic({
    db: {
      registerScenarios: () => away ? Promise.reject(new RpcError({ message: "fetch failed" }, 0)) : Promise.resolve(),
    },
  });
  expect((await call(undefined, "GET"))[0]).toBe(503);
  away = false;
  expect((await call(undefined, "GET"))[0]).toBe(200);
});

test.each<[string, unknown, number, string]>([
  ["another method", undefined, 405, "PUT"],
  ["no JSON", "{", 400, "POST"],
  ["no run", {}, 400, "POST"],
  ["a run that is none", { ...RUN, run_id: "x" }, 400, "POST"],
  ["no token", { run_id: RUN.run_id }, 400, "POST"],
  ["a body too large", { ...RUN, more: "x".repeat(5000) }, 413, "POST"],
  ["a wrong token", { ...RUN, token: "wrong" }, 401, "POST"],
])("%s is refused, and nothing runs", async (_, body, status, method) => {
  const { call, work, seen } = synthetic();
  expect((await call(body, method))[0]).toBe(status);
  expect([work, seen]).toEqual([[], []]);
});

test("POST answers before it works, works on all of the run, and tells", async () => {
  const { call, finished, seen, work } = synthetic({ scripts: { a: () => sleep(20).then(() => outcome()) } });
  expect(await call(RUN)).toEqual([202, { code: "working" }]);
  expect(finished).toEqual([]);
  await Promise.all(work);
  expect(finished.map(([name, { state }]) => [name, state])).toEqual([["a", "passed"], ["b", "passed"], [
    "c",
    "passed",
  ]]);
  expect(seen.at(-1)).toBe("told the end");
  expect(seen.filter((what) => what === "told").length).toBe(6);
  expect(seen).not.toContain("handed over true");
});

test("POST while it works on the run begins no second work; afterwards it does", async () => {
  let entered = 0;
  const { call, work } = synthetic({
    scripts: { a: () => sleep(20).then(() => outcome()) },
    deps: {
      teller: () => {
        entered++;
        return { tell: () => {}, close: () => Promise.resolve() };
      },
    },
  });
  await Promise.all([call(RUN), call(RUN)]);
  expect([entered, work.length]).toEqual([1, 1]);
  await work[0];
  await call(RUN);
  expect(entered).toBe(2);
});

test("when its time is up it hands over, and takes nothing more", async () => {
  const { call, finished, seen, work } = synthetic({
    deps: { sliceMs: 10 },
    scripts: { a: () => sleep(20).then(() => outcome()) },
  });
  await call(RUN);
  await Promise.all(work);
  expect(finished.map(([name]) => name)).toEqual(["a"]);
  expect(seen.slice(-2)).toEqual(["handed over true", "told the end"]);
});

test("without the provider's key each scenario says so; a replay needs none", async () => {
  const unpaid = synthetic({ deps: { env: () => undefined } });
  await unpaid.call(RUN);
  await Promise.all(unpaid.work);
  expect(unpaid.finished.map(([, { state, failures }]) => [state, failures[0]!.message]))
    .toEqual(Array(3).fill(["failed", "KEY is missing"]));

  const replay = synthetic({
    deps: { env: () => undefined },
    db: { enterRun: () => Promise.resolve({ ...ENTERED, mode: "replay" }) },
    scripts: { a: ({ provider }) => outcome({ state: provider === null ? "passed" : "failed" }) },
  });
  await replay.call(RUN);
  await Promise.all(replay.work);
  expect(replay.finished.map(([, { state }]) => state)).toEqual(["passed", "passed", "passed"]);
});

test("a database that refuses ends the work; whoever watches is told", async () => {
  const refused = new RpcError({ code: "42501", message: "denied" }, 403);
  const { call, seen, work } = synthetic({ db: { takeScenario: () => Promise.reject(refused) } });
  expect((await call(RUN))[0]).toBe(202);
  await Promise.all(work);
  expect(seen).toEqual(["told the end"]);
});
