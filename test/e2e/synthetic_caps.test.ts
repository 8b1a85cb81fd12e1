// Terminals and functions at work on runs of their own at once, killed at any moment and gone on with, against a provider that
// fails, and under a cap that fits only some of it all: what the provider has billed never passes what the books say, nor these
// the caps.
import { join } from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createDb, type Db } from "../../functions/_shared/db.ts";
import type { SyntheticRun } from "../../functions/_shared/synthetic_answers.ts";
import { SCENARIOS } from "../../functions/synthetic/scenarios/all.ts";
import { functionEnv } from "../../scripts/stack/admin_bot.ts";
import { edgeFunctions, type RunningFunction, startFunction } from "../../scripts/stack/functions.ts";
import { serve, type Served } from "../../scripts/stack/serve.ts";
import { STACK_DIR } from "../../scripts/stack/stack.ts";
import { createProvider, type Fault } from "../_support/provider.ts";
import { seeded } from "../_support/provider_faults.ts";
import { startTestStack, type TestStack } from "../_support/stack.ts";
import { makeWorkplace, type Run, type Workplace } from "../_support/terminal.ts";

const ISOLATES = 2;
const KILLS = 4;
/** A worker that has not said for so long that it goes on is taken for dead; in earnest it is 30 s. */
const SILENT_SECONDS = 2.5;

const random = seeded(11);
const ODD: Fault[] = [
  { kind: "status", status: 429, retryAfterMs: 30 },
  { kind: "status", status: 500, retryAfterMs: 30 },
  { kind: "lost" },
  { kind: "die_mid" },
  { kind: "drop" },
];
const provider = createProvider({
  fault: () => random() < 0.1 ? ODD[Math.floor(random() * ODD.length)] : { kind: "stall", ms: 50 + 400 * random() },
});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let served: Served;
let stack: TestStack;
let db: Db;
let sql: pg.Client;
let place: Workplace;
const isolates: RunningFunction[] = [];
/** What the isolates take for Supabase: the stack, and the function in whichever isolate is alive. */
let project: Served;

async function startIsolate(): Promise<void> {
  const fn = edgeFunctions().find(({ name }) => name === "synthetic")!;
  const env = {
    ...functionEnv({ ...stack.info, api_url: project.url }, {}),
    OPENROUTER_API_KEY: "sk-real-key",
    OPENROUTER_BASE_URL: `${served.url}/v1`,
    SYNTHETIC_SLICE_SECONDS: "2",
  };
  const files = { log: join(place.dir, "isolate.log"), cache: join(STACK_DIR, "deno") };
  isolates.push(await startFunction(fn, env, files));
}

beforeAll(async () => {
  served = await serve(provider.handle, { port: 0 });
  stack = await startTestStack({ isolates: { ingest: 0, telegram: 0 } });
  project = await serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    const isolate = isolates[Math.floor(Math.random() * isolates.length)];
    const toIsolate = pathname === "/functions/v1/synthetic" && isolate;
    const url = toIsolate ? `http://127.0.0.1:${isolate.port}/synthetic` : `${stack.info.api_url}${pathname}${search}`;
    const body = request.body && await request.arrayBuffer();
    const answer = await fetch(url, { method: request.method, headers: request.headers, body });
    const type = answer.headers.get("content-type");
    return new Response((await answer.text()) || null, {
      status: answer.status,
      headers: type ? { "content-type": type } : {},
    });
  }, { port: 0 });
  place = await makeWorkplace({
    stack,
    env: { OPENROUTER_API_KEY: "sk-real-key", OPENROUTER_BASE_URL: `${served.url}/v1` },
  });
  db = createDb(stack.info.api_url, stack.info.service_role_key);
  sql = stack.client("postgres");
  await sql.connect();
  await sql.query("insert into tracegram.admins (user_id, role) values (1001, 'operator'), (1002, 'operator')");
  await Promise.all(Array.from({ length: ISOLATES }, startIsolate));
});
afterAll(async () => {
  await Promise.all(isolates.map(({ child }) => child.stop()));
  await project?.close();
  await sql?.end();
  await stack?.end();
  await served?.close();
  place?.remove();
});

/** A run of the terminal's: it is confirmed, and the other resolves when it is over, however often it was killed. */
async function terminal(running: Set<Run>): Promise<{ id: string; over: Promise<void> }> {
  let run = place.start(["release", "--spend", "0.025", "--concurrency", "2"]);
  running.add(run);
  const told = () => /^Run ([0-9a-f-]{36}),/m.exec(run.seen.err)?.[1];
  await Promise.race([run.ended, expect.poll(told, { timeout: 30_000 }).toBeTruthy()]);
  const id = told() ?? expect.fail(run.seen.err);
  const over = async () => {
    for (;;) {
      const { signal, code, err } = await run.ended;
      running.delete(run);
      if (signal !== "SIGKILL") return expect([0, 1, 3], err).toContain(code);
      run = place.start(["--resume", id]);
      running.add(run);
    }
  };
  return { id, over: over() };
}

/** A run of the function's. Whoever works on it is poked, as by the database's job, which does so each minute. */
async function ofFunction(admin: number): Promise<{ id: string; over: Promise<void> }> {
  const ask = await db.askRun(admin, {
    tier: "release",
    mode: "live",
    concurrency: 2,
    runner_url: `${project.url}/functions/v1/synthetic`,
  });
  if (!("confirm_until" in ask)) throw new Error(JSON.stringify(ask));
  const run = await db.confirmRun(admin, ask.run_id, 20_000);
  if (!("token" in run)) throw new Error(JSON.stringify(run));
  const { run_id, token } = run;
  const over = async () => {
    while ((await db.getRun(run_id))!.state === "running") {
      await fetch(run.runner_url!, { method: "POST", body: JSON.stringify({ run_id, token }) }).catch(() => {});
      await pause(500);
    }
  };
  return { id: run_id, over: over() };
}

test(
  "no cap is crossed by concurrent runs and kills, each scenario has one result, and nothing is paid twice",
  async () => {
    const cap = 55_000;
    await db.changeSettings({ synthetic_day_cap_microusd: cap });
    // The function says what it has, as its first invocation does.
    await fetch(`${project.url}/functions/v1/synthetic`);

    const wrong: unknown[] = [];
    let looks = 0;
    let over = false;
    onTestFinished(() => void (over = true));
    const look = async () => {
      for (; !over; looks++) {
        const billed = provider.account.total;
        const { rows: [books] } = await sql.query(`
        select coalesce(sum(spent_microusd + reserved_microusd), 0)::int as used,
          (select count(*)::int from tracegram.synthetic_runs
            where spent_microusd + reserved_microusd > ceiling_microusd or excess_microusd > 0) as crossed
        from tracegram.synthetic_days`);
        if (billed > books.used || books.used > cap || books.crossed > 0) wrong.push({ billed, ...books });
        await pause(20);
      }
    };
    const bury = async () => {
      while (!over) {
        await sql.query(
          `update tracegram.synthetic_results set leased_until = now() - interval '1 second'
         where leased_until < now() + interval '30 seconds' - $1 * interval '1 second'`,
          [SILENT_SECONDS],
        );
        await pause(300);
      }
    };
    const running = new Set<Run>();
    let kills = 0;
    const kill = async () => {
      while (!over && kills < KILLS) {
        await pause(500 + 1200 * random());
        const [terminal] = [...running].filter(({ seen }) => /at once, seed/.test(seen.err));
        if (kills % 2 === 0 && terminal) terminal.child.kill("SIGKILL");
        else {
          const isolate = isolates.shift()!;
          process.kill(isolate.child.pid, "SIGKILL");
          await isolate.child.ended;
          await startIsolate();
        }
        kills++;
      }
    };
    const background = [look(), bury()];
    const terminals = await Promise.all([terminal(running), terminal(running)]);
    const all = [...terminals, ...await Promise.all([1001, 1002].map(ofFunction))];
    background.push(kill());
    await Promise.all(all.map(({ over }) => over));
    over = true;
    await Promise.all(background);
    // What a killed worker of a run that has ended meanwhile had: the watchdog sees to it within a minute.
    await sql.query("select tracegram.tend_synthetic_runs(now() + interval '1 minute')");

    expect(wrong).toEqual([]);
    expect(looks).toBeGreaterThan(50);
    expect(kills).toBeGreaterThan(1);
    const runs = await Promise.all(all.map(async ({ id }) => (await db.getRun(id))!));
    const results = runs.flatMap((run) => run.results.map((result) => ({ ...result, run: run.state })));
    // Some of it did not fit, and some of it was gone on with after a kill.
    expect(runs.map(({ state }) => state)).toContain("out_of_budget");
    expect(runs.every(({ state }) => ["passed", "failed", "out_of_budget"].includes(state))).toBe(true);
    expect(results.filter(({ state, attempts }) => ["passed", "failed"].includes(state) && attempts > 1)).not.toEqual(
      [],
    );
    for (const run of runs) {
      expect(new Set(run.results.map(({ scenario }) => scenario)).size).toBe(SCENARIOS.length);
      expect(run.results.length).toBe(SCENARIOS.length);
    }
    expect(results.filter(({ state, run }) => state === "stopped" && run !== "out_of_budget")).toEqual([]);
    expect(results.filter(({ state }) => !["passed", "failed", "stopped"].includes(state))).toEqual([]);

    const { rows: [books] } = await sql.query(`
    select (select sum(reserved_microusd)::int from tracegram.synthetic_runs) as of_runs,
      (select sum(reserved_microusd)::int from tracegram.synthetic_days) as of_days,
      (select reserved_microusd::int from tracegram.synthetic_ledger) as of_all,
      (select count(*)::int from tracegram.synthetic_calls where booked_microusd is null) as open,
      (select count(*)::int from tracegram.synthetic_calls as a join tracegram.synthetic_calls as b
         using (run_id, position, key, nth)
         where a.recorded is not null and b.call_id > a.call_id and b.begun_at >= a.settled_at) as twice`);
    expect(books).toEqual({ of_runs: 0, of_days: 0, of_all: 0, open: 0, twice: 0 });
    // What is not confirmed was billed, or was not.
    const sum = (of: (run: SyntheticRun) => number) => runs.reduce((total, run) => total + of(run), 0);
    const [spent, unconfirmed] = [sum((run) => run.spent_microusd), sum((run) => run.unconfirmed_microusd)];
    expect(provider.account.total).toBeLessThanOrEqual(spent);
    expect(provider.account.total).toBeGreaterThanOrEqual(spent - unconfirmed);
  },
  120_000,
);
