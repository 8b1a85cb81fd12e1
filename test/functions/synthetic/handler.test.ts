// What the function answers, and when it works, hands over and tells. Its scenarios are scripted; real ones: e2e.test.ts.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { RunKey } from "../../../functions/_shared/synthetic_db.ts";
import { createSynthetic, type SyntheticDeps } from "../../../functions/synthetic/handler.ts";
import { first } from "../../_support/line.ts";
import { type RunStack, startRunStack } from "../../_support/run_stack.ts";
import { entry, givenRun } from "../../_support/synthetic.ts";
import { outcome, scenario, type Script, scripted, sleep } from "./suite/_support.ts";

const NAMES = ["a", "b", "c"];

let on: RunStack;
let run: RunKey;
beforeAll(async () => void (on = await startRunStack()));
afterAll(() => on?.end());
beforeEach(async () => {
  await on.forget();
  await on.sql.register(NAMES.map((name) => entry(name)));
  run = await givenRun(on.sql, { concurrency: 1, at: Date.now() });
});

const registered = async () =>
  (await on.client.query("select name, title from tracegram.synthetic_scenarios order by name")).rows;
/** Of those that have ended, in the order of their ends. */
const results = async () =>
  (await on.client.query(`
    select scenario, state, failures -> 0 ->> 'message' as message
    from tracegram.synthetic_results where ended_at is not null order by ended_at, scenario
  `)).rows;

function synthetic(
  { scripts = {}, deps = {} }: { scripts?: Record<string, Script>; deps?: Partial<SyntheticDeps> } = {},
) {
  const seen: string[] = [];
  const work: Promise<void>[] = [];
  const handler = createSynthetic({
    db: on.db,
    scenarios: NAMES.map((name) => scenario(name)),
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
    sliceMs: 10_000,
    handOver: ({ run_id }) => {
      seen.push(`handed over ${run_id === run.run_id}`);
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
  return { call, seen, work };
}

/** A gate in a scenario: it ends when it is opened. */
function held() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => void (open = resolve));
  const script: Script = () => opened.then(() => outcome());
  return { open, script };
}

test("GET registers the scenarios once, and says how many there are", async () => {
  const { call } = synthetic();
  expect(await call(undefined, "GET")).toEqual([200, { scenarios: 3 }]);
  expect(await call(undefined, "GET")).toEqual([200, { scenarios: 3 }]);
  expect(on.line.asked.map(({ name }) => name)).toEqual(["register_scenarios"]);
  expect(await registered()).toEqual(NAMES.map((name) => ({ name, title: `Shows ${name}` })));
});

test("GET, while the database is away: 503, and the next one registers", async () => {
  on.line.breaks = first(1, "away");
  const { call } = synthetic();
  expect(await call(undefined, "GET")).toEqual([503, { code: "database_away" }]);
  expect((await registered())[0]).toEqual({ name: "a", title: "About a" });
  expect((await call(undefined, "GET"))[0]).toBe(200);
  expect((await registered())[0]).toEqual({ name: "a", title: "Shows a" });
});

test.each<[string, (run: RunKey) => unknown, number, string]>([
  ["another method", () => undefined, 405, "PUT"],
  ["no JSON", () => "{", 400, "POST"],
  ["no run", () => ({}), 400, "POST"],
  ["a run that is none", ({ token }) => ({ run_id: "x", token }), 400, "POST"],
  ["no token", ({ run_id }) => ({ run_id }), 400, "POST"],
  ["a body too large", (run) => ({ ...run, more: "x".repeat(5000) }), 413, "POST"],
  ["a wrong token", ({ run_id }) => ({ run_id, token: "wrong" }), 401, "POST"],
])("%s is refused, and nothing runs", async (_, body, status, method) => {
  const { call, work, seen } = synthetic();
  expect((await call(body(run), method))[0]).toBe(status);
  expect([work, seen, await results()]).toEqual([[], [], []]);
});

test("a scenario that is not here any more has failed, and the others run", async () => {
  const { call, work } = synthetic({ deps: { scenarios: [scenario("a"), scenario("c")] } });
  await call(run);
  await Promise.all(work);
  expect((await results()).sort((a, b) => a.scenario < b.scenario ? -1 : 1)).toMatchObject([
    { scenario: "a", state: "passed" },
    { scenario: "b", state: "failed", message: expect.stringContaining("no such scenario here") },
    { scenario: "c", state: "passed" },
  ]);
});

test("POST answers before it works, works on all of the run, and tells", async () => {
  const { open, script } = held();
  const { call, seen, work } = synthetic({ scripts: { a: script, b: script, c: script } });
  expect(await call(run)).toEqual([202, { code: "working" }]);
  expect(await results()).toEqual([]);
  open();
  await Promise.all(work);
  const ended = await results();
  expect(ended.map(({ scenario, state }) => [scenario, state]).sort()).toEqual(NAMES.map((name) => [name, "passed"]));
  expect(await on.db.getRun(run.run_id)).toMatchObject({ state: "passed" });
  expect(seen.at(-1)).toBe("told the end");
  expect(seen.filter((what) => what === "told").length).toBe(6);
  expect(seen).not.toContain("handed over true");
});

test("POST while it works on the run begins no second work; afterwards it does", async () => {
  const { open, script } = held();
  let entered = 0;
  const { call, work } = synthetic({
    scripts: { a: script, b: script, c: script },
    deps: {
      // The run is not over when the first work on it is.
      sliceMs: 200,
      teller: () => {
        entered++;
        return { tell: () => {}, close: () => Promise.resolve() };
      },
    },
  });
  await Promise.all([call(run), call(run)]);
  expect([entered, work.length]).toEqual([1, 1]);
  await sleep(250);
  open();
  await work[0];
  expect((await call(run))[0]).toBe(202);
  expect(entered).toBe(2);
  await work[1];
});

test("when its time is up it hands over, and takes nothing more", async () => {
  const slow: Script = () => sleep(300).then(() => outcome());
  const { call, seen, work } = synthetic({ deps: { sliceMs: 200 }, scripts: { a: slow, b: slow, c: slow } });
  await call(run);
  await Promise.all(work);
  expect(await results()).toHaveLength(1);
  expect(await on.db.getRun(run.run_id)).toMatchObject({ state: "running", passed: 1 });
  expect(seen.slice(-2)).toEqual(["handed over true", "told the end"]);
});

test("without the provider's key each scenario says so; a replay needs none", async () => {
  const unpaid = synthetic({ deps: { env: () => undefined } });
  await unpaid.call(run);
  await Promise.all(unpaid.work);
  expect((await results()).map(({ state, message }) => [state, message]))
    .toEqual(Array(3).fill(["failed", "KEY is missing"]));

  const free: Script = ({ provider }) => outcome({ state: provider === null ? "passed" : "failed" });
  const replay = synthetic({ deps: { env: () => undefined }, scripts: { a: free, b: free, c: free } });
  const dry = await givenRun(on.sql, { mode: "replay", at: Date.now() });
  await replay.call(dry);
  await Promise.all(replay.work);
  expect(await on.db.getRun(dry.run_id)).toMatchObject({ state: "passed", passed: 3 });
});

test("a database that refuses ends the work; whoever watches is told", async () => {
  await on.refuse("take_scenario");
  const { call, seen, work } = synthetic();
  expect((await call(run))[0]).toBe(202);
  await Promise.all(work);
  expect(seen).toEqual(["told the end"]);
  expect(await on.db.getRun(run.run_id)).toMatchObject({ state: "running", passed: 0 });
});
