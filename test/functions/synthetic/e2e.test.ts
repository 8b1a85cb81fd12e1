// Runs of the example bot's scenarios on the real database: by the function in two isolates, and by a terminal. Only the
// provider is a stand-in, whose account says what was really paid for.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunWish, SyntheticRun } from "../../../functions/_shared/synthetic_answers.ts";
import { createDb, type Db } from "../../../functions/_shared/db.ts";
import bot from "../../../functions/synthetic/bot.ts";
import { runScenario } from "../../../functions/synthetic/runner/run_scenario.ts";
import { SCENARIOS } from "../../../functions/synthetic/scenarios/all.ts";
import { CALM_KEY, standInLlm } from "../../../scripts/demo/stand_in_llm.ts";
import { serve, type Served } from "../../../scripts/stack/serve.ts";
import { main } from "../../../scripts/synthetic/main.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";

/** Some of them: the stand-in takes the time that a provider takes. */
const NAMES = SCENARIOS.map(({ name }) => name).slice(0, 6);

let provider: Served;
let stack: TestStack;
let db: Db;
let client: pg.Client;
/** Micro-dollars that the provider has billed. */
let bill = 0;
beforeAll(async () => {
  provider = await serve(async (request) => {
    const response = await standInLlm(request);
    if (response.ok) bill += Math.round((await response.clone().json()).usage.cost * 1e6);
    return response;
  }, { port: 0 });
  stack = await startTestStack({
    isolates: { synthetic: 2 },
    env: { OPENROUTER_API_KEY: CALM_KEY, OPENROUTER_BASE_URL: `${provider.url}/v1`, SYNTHETIC_SLICE_SECONDS: "1" },
  });
  db = createDb(stack.info.api_url, stack.info.service_role_key);
  client = stack.client("postgres");
  await client.connect();
  await client.query("insert into tracegram.admins (user_id, role) values (1001, 'operator')");
});
afterAll(async () => {
  await client?.end();
  await stack?.end();
  await provider?.close();
});

const url = () => stack.info.functions["synthetic"]!;
const post = (body: unknown) => fetch(url(), { method: "POST", body: JSON.stringify(body) });

async function confirmed(wish: Partial<RunWish> = {}) {
  expect(await (await fetch(url())).json()).toEqual({ scenarios: SCENARIOS.length });
  const ask = await db.askRun(1001, {
    tier: "release",
    mode: "live",
    runner_url: url(),
    scenarios: NAMES,
    concurrency: 8,
    ...wish,
  });
  if (!("run_id" in ask) || "no" in ask) throw new Error(JSON.stringify(ask));
  const run = await db.confirmRun(1001, ask.run_id, 200_000);
  if (!("token" in run)) throw new Error(JSON.stringify(run));
  return { run_id: run.run_id, token: run.token };
}

async function ended(run_id: string): Promise<SyntheticRun> {
  await expect.poll(async () => (await db.getRun(run_id))!.state, { timeout: 25_000, interval: 100 }).not.toBe(
    "running",
  );
  return (await db.getRun(run_id))!;
}

const places = (run: SyntheticRun) => run.results.map(({ scenario, repeat }) => `${scenario} ${repeat}`).sort();
const failures = (run: SyntheticRun) =>
  run.results.flatMap(({ scenario, failures }) => failures.map((f) => [scenario, f]));

// The last one ends the isolates.
describe("in this order", { shuffle: false }, () => {
  test("a run that is longer than an invocation: each scenario once, the bill to the micro-dollar, its traces kept", async () => {
    const before = bill;
    const run = await confirmed({ concurrency: 3 });
    expect((await post({ ...run, token: "wrong" })).status).toBe(401);
    expect((await post(run)).status).toBe(202);
    const end = await ended(run.run_id);
    expect(failures(end)).toEqual([]);
    expect([end.state, places(end)]).toEqual(["passed", NAMES.map((name) => `${name} 1`).sort()]);
    expect(end.results.map(({ attempts }) => attempts)).toEqual(NAMES.map(() => 1));
    expect(bill).toBeGreaterThan(before);
    expect([end.spent_microusd, end.unconfirmed_microusd, end.reserved_microusd]).toEqual([bill - before, 0, 0]);
    const [trace_id] = end.results.find(({ trace_ids }) => trace_ids.length > 0)!.trace_ids;
    expect((await db.getTrace(trace_id!))?.release).toBe("synthetic");
    expect((await post(run)).status).toBe(401);
  });

  test("a terminal's run records, and its recordings replay to the same report, at no cost", async () => {
    const dir = mkdtempSync(join(tmpdir(), "synthetic-"));
    const before = bill;
    const env: Record<string, string> = { OPENROUTER_API_KEY: CALM_KEY, OPENROUTER_BASE_URL: `${provider.url}/v1` };
    async function run(...argv: string[]) {
      const seen = { out: "", err: "" };
      const code = await main(argv, {
        env,
        terminal: {
          out: (text) => void (seen.out += text),
          err: (text) => void (seen.err += text),
          interactive: false,
          colours: false,
          columns: 80,
          ask: () => Promise.reject(new Error("nobody is here")),
        },
        load: () => Promise.resolve({ scenarios: SCENARIOS, bot, recordingsDir: join(dir, "recordings"), runScenario }),
        connect: () => Promise.resolve({ db, where: "a test" }),
        tokensDir: join(dir, "tokens"),
        hide: () => {},
        signal: new AbortController().signal,
      });
      return { code, ...seen };
    }
    try {
      const live = await run("release", ...NAMES, "--record", "--spend", "0.2", "--concurrency", "8", "--json", "-");
      const report = JSON.parse(live.out);
      expect(report.results.flatMap((line: { failures: unknown[] }) => line.failures)).toEqual([]);
      expect([live.code, report.totals.spent_microusd]).toEqual([0, bill - before]);

      const paid = bill;
      const replays = [
        await run("--dry-run", "release", ...NAMES, "--json", "-"),
        await run("--dry-run", "release", ...NAMES, "--json", "-"),
      ];
      expect(replays[0]!.code, replays[0]!.err).toBe(0);
      expect(replays[1]).toEqual(replays[0]);
      expect(JSON.parse(replays[0]!.out).totals.cost_microusd).toBe(report.totals.cost_microusd);

      const missing = await run("release", ...NAMES, "--record", "missing", "--spend", "0.2");
      expect(missing.code, missing.err).toBe(0);
      expect(bill).toBe(paid);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test("killed in the midst of it, another isolate goes on: each scenario once, and nothing paid that is not in the books", async () => {
    const before = bill;
    const run = await confirmed();
    await post(run);
    await expect.poll(async () => (await db.getRun(run.run_id))!.spent_microusd, { interval: 20 }).toBeGreaterThan(0);
    const { rows: [{ worker }] } = await client.query(
      "select worker from tracegram.synthetic_results where run_id = $1 and state = 'running' limit 1",
      [run.run_id],
    );
    expect(worker).toBeTruthy();
    const isolates = stack.children.filter(({ name }) => name === "function synthetic");
    // Both, for it may have been handed over: what goes on is a third one, in this process.
    for (const { pid } of isolates) process.kill(pid, "SIGKILL");
    await Promise.all(isolates.map(({ ended }) => ended));
    await client.query(
      "update tracegram.synthetic_results set leased_until = now() - interval '1 second' where leased_until is not null",
    );

    const { createApp } = await import("../../../functions/synthetic/app.ts");
    const work: Promise<void>[] = [];
    const env: Record<string, string> = {
      SUPABASE_URL: stack.info.api_url,
      SUPABASE_SERVICE_ROLE_KEY: stack.info.service_role_key,
      TELEGRAM_WEBHOOK_SECRET: stack.info.webhook_secret,
      OPENROUTER_API_KEY: CALM_KEY,
      OPENROUTER_BASE_URL: `${provider.url}/v1`,
    };
    const app = createApp((name) => env[name], (ended) => void work.push(ended));
    expect((await app(new Request(url(), { method: "POST", body: JSON.stringify(run) }))).status).toBe(202);
    await Promise.all(work);
    const end = (await db.getRun(run.run_id))!;
    expect(places(end)).toEqual(NAMES.map((name) => `${name} 1`).sort());
    expect(end.results.every(({ state }) => state === "passed" || state === "failed")).toBe(true);
    expect(end.results.some(({ attempts }) => attempts === 2)).toBe(true);
    expect(end.spent_microusd).toBeGreaterThanOrEqual(bill - before);
    expect(end.spent_microusd - end.unconfirmed_microusd).toBeLessThanOrEqual(bill - before);
    expect(end.reserved_microusd).toBe(0);
  });
});
