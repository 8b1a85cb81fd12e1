// The ten scenarios of the example bot, with a bot that streams and retries, in a terminal of their own, against a provider that
// bills and fails in every way it knows: what was paid is what is in the books. Then what was recorded, without a network.
import { spawnSync } from "node:child_process";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SCENARIOS } from "../../functions/synthetic/scenarios/all.ts";
import { serve, type Served } from "../../scripts/stack/serve.ts";
import type { SuiteReport } from "../../scripts/synthetic/report.ts";
import { createProvider, type Fault } from "../_support/provider.ts";
import { seededFaults } from "../_support/provider_faults.ts";
import { startTestStack, type TestStack } from "../_support/stack.ts";
import { type Ended, makeWorkplace, readIn, type Workplace } from "../_support/terminal.ts";

const FAULTS: Fault[] = [
  { kind: "status", status: 429, retryAfterMs: 40 },
  { kind: "status", status: 500, retryAfterMs: 20 },
  { kind: "stall" },
  { kind: "stall", ms: 150 },
  { kind: "stall_mid" },
  { kind: "die_mid" },
  { kind: "slow", ms: 15 },
];
const next = seededFaults(6, 0.4, FAULTS);
/** Faults that have come up. */
const met = new Set<Fault>();
const provider = createProvider({
  apiKey: "sk-real-key",
  fault() {
    const fault = next();
    if (fault) met.add(fault);
    return fault;
  },
});
/** The judge's: it does not ask again when its answer dies. */
const calm = createProvider({ apiKey: "sk-real-key" });

async function handle(request: Request): Promise<Response> {
  const ofJudge = request.method === "POST" && (await request.clone().json()).model === "openai/gpt-4o-mini";
  return await (ofJudge ? calm : provider).handle(request);
}

const bill = () => provider.account.total + calm.account.total;

let stack: TestStack;
let served: Served;
let place: Workplace;
let db: pg.Client;
let live: Ended;
let report: SuiteReport;

beforeAll(async () => {
  served = await serve(handle, { port: 0 });
  stack = await startTestStack({ isolates: { ingest: 0, telegram: 0 } });
  db = stack.client("postgres");
  await db.connect();
  place = await makeWorkplace({
    stack,
    bot: "test/_support/streaming_bot.ts",
    env: { OPENROUTER_API_KEY: "sk-real-key", OPENROUTER_BASE_URL: `${served.url}/api/v1` },
  });
  const args = ["release", "--record", "all", "--spend", "1", "--concurrency", "5", "--json", "-"];
  live = await place.start(args).ended;
  expect(live.out, live.err).not.toBe("");
  report = JSON.parse(live.out);
});
afterAll(async () => {
  place?.remove();
  await db?.end();
  await stack?.end();
  await served?.close();
});

/** A row about the run's calls. */
async function ofCalls(columns: string) {
  const { rows } = await db.query(`select ${columns} from tracegram.synthetic_calls where run_id = $1`, [
    report.run_id,
  ]);
  return rows[0];
}

const sum = (which: string) => `coalesce(sum(booked_microusd) filter (where ${which}), 0)::int`;

test("live: the bill is what the books, the report and the traces say, to the micro-dollar", async () => {
  expect([...met].length, "faults that came up").toBe(FAULTS.length);
  expect(report.results.map(({ scenario }) => scenario)).toEqual(SCENARIOS.map(({ name }) => name));
  expect(report.results.flatMap(({ scenario, failures }) => failures.map((failure) => [scenario, failure]))).toEqual(
    [],
  );

  const { inFlight, bills } = provider.account;
  const total = bill();
  expect(inFlight).toBe(0);
  const books = await ofCalls(`
    ${sum("confirmed")} as confirmed, ${sum("not confirmed")} as unconfirmed,
    count(*) filter (where booked_microusd is null)::int as open, count(recorded)::int as answered,
    ${sum("recorded::text like '%prompt_tokens%' and model = 'openai/gpt-4o'")} as told`);
  expect(books).toMatchObject({ confirmed: total, open: 0 });
  // Streams that died are billed, and are no answers.
  expect(bills.size).toBeGreaterThan(books.answered);
  const { spent_microusd, unconfirmed_microusd } = report.totals;
  expect([spent_microusd, unconfirmed_microusd]).toEqual([total + books.unconfirmed, books.unconfirmed]);
  const { rows: [kept] } = await db.query(
    "select spent_microusd::int as spent, reserved_microusd::int as reserved from tracegram.synthetic_days",
  );
  expect(kept).toEqual({ spent: spent_microusd, reserved: 0 });
  // The bot's traces have what it was told: of all that it has read to the usage. The judge is not the bot's.
  const { rows: [traces] } = await db.query(
    "select sum(cost_microusd)::int as told from tracegram.pipeline_traces where trace_id = any($1)",
    [report.results.flatMap(({ trace_ids }) => trace_ids)],
  );
  expect(traces.told).toBe(books.told);
  expect(live.out + live.err).not.toContain("sk-real-key");
});

const isolated = spawnSync("unshare", ["-rn", "true"]).status === 0;

describe.skipIf(!isolated)("replayed without a network (user namespaces are forbidden here, when skipped)", () => {
  const unshare = { prefix: ["unshare", "-rn"], env: { CI: "true" } };

  test("twice: the same, byte for byte, and free", async () => {
    const before = [provider.account.calls, calm.account.calls, bill()];
    const runs = await Promise.all(["a", "b"].map(async (name) => {
      const args = ["release", "--dry-run", "--json", `${name}.json`, "--junit", `${name}.xml`];
      const ended = await place.start(args, unshare).ended;
      return { ...ended, json: readIn(place, `${name}.json`), junit: readIn(place, `${name}.xml`) };
    }));
    expect(runs[0]!.code, runs[0]!.out + runs[0]!.err).toBe(0);
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[0]!.out).toContain("release, dry run: 10 passed");
    const { worth } = await ofCalls(`${sum("recorded is not null")} as worth`);
    expect(JSON.parse(runs[0]!.json).totals.cost_microusd).toBe(worth);
    expect([provider.account.calls, calm.account.calls, bill()]).toEqual(before);
  });

  test("a bot that wants a socket fails those scenarios in which it does", async () => {
    const args = ["release", "greeting", "refund", "--dry-run"];
    const { code, out } = await place.start(args, { ...unshare, env: { CI: "true", REFUNDS_PORT: "9" } }).ended;
    expect(code).toBe(1);
    expect(out).toMatch(
      /^✓ greeting .*\n✗ refund .*\n {4}whole conversation, bot: It wanted a socket to 127\.0\.0\.1:9, which a dry run does not open\.\n/,
    );
  });
});
