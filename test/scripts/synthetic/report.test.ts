import { expect } from "vitest";
import type { RunResult, SyntheticRun } from "../../../functions/_shared/synthetic_answers.ts";
import { exitCodeOf, reportOfReplay, reportOfRun } from "../../../scripts/synthetic/report.ts";
import { junitReport } from "../../../scripts/synthetic/report_junit.ts";
import { painter, textReport } from "../../../scripts/synthetic/report_text.ts";
import { test } from "../../_support/db.ts";
import { outcome } from "../../functions/synthetic/suite/_support.ts";

const result = (scenario: string, more: Partial<RunResult> = {}): RunResult => ({
  ...outcome(),
  position: 0,
  scenario,
  repeat: 1,
  attempts: 1,
  spent_microusd: 950,
  unconfirmed_microusd: 0,
  last: null,
  median: null,
  ...more,
});

const run = (results: RunResult[], more: Partial<SyntheticRun> = {}): SyntheticRun => ({
  run_id: "0198f3ab-0000-7000-8000-000000000001",
  state: "failed",
  tier: "release",
  mode: "live",
  at: "2026-01-01T00:00:00Z",
  scenarios: results.length,
  passed: 1,
  failed: 1,
  spent_microusd: 1900,
  repeat: 1,
  seed: 42,
  concurrency: 2,
  asked_by: null,
  ceiling_microusd: 250_000,
  reserved_microusd: 0,
  unconfirmed_microusd: 120,
  excess_microusd: 0,
  saved_microusd: 30,
  started_at: null,
  ended_at: null,
  stopped_by: null,
  crossed: null,
  eta_ms: null,
  results,
  spend: {
    today_microusd: 0,
    month_microusd: 0,
    reserved_microusd: 0,
    run_cap_microusd: 1,
    day_cap_microusd: 1,
    month_cap_microusd: 1,
  },
  version: 1,
  ...more,
});

const FAILED = result("refund", {
  state: "failed",
  failures: [
    { turn: 2, expectation: "text", message: "The message is another.", diff: ["- refund", "+ sorry & <b>"] },
    { turn: 0, expectation: "max_cost_usd", message: "It cost $0.02." },
  ],
  cost_microusd: null,
  unconfirmed_microusd: 120,
  saved_microusd: 30,
  drift: ["call 1: another finish_reason"],
  judged: [{ score: 0.4, reason: "rude" }],
  attempts: 2,
});

const PASSED = result("greets", {
  last: { state: "failed", duration_ms: 1000, cost_microusd: 1000, same_hash: false },
  median: { runs: 10, duration_ms: 2400, cost_microusd: 950 },
});

const plain = (report: Parameters<typeof textReport>[0]) => textReport(report, painter(false));

test("text: each scenario with its failures, diff, trace, drift, changes, and what was spent", () => {
  const text = plain(reportOfRun(run([FAILED, PASSED, result("late", { state: "pending", duration_ms: null })])));
  expect(text).toBe(`✓ greets      1.20 s     320 tokens    $0.00095
    /admin trace 0198f3ab-0000-7000
    against the last run failed, the scenario or its models were others: time ↑ 20 %, cost ↓ 5 %; median of 10: time ↓ 50 %, cost as before
- late      not run
✗ refund      1.20 s     320 tokens     unknown
    turn 2, text: The message is another.
      - refund
      + sorry & <b>
    whole conversation, max_cost_usd: It cost $0.02.
    judged 0.4: rude
    /admin trace 0198f3ab-0000-7000
    1 answer other than recorded
    the cache saved $0.00003
    $0.00012 unconfirmed
    taken 2 times: whoever had it before was cut off

release, live: 1 passed, 1 failed, 1 not run; 2.40 s, 9 calls, 900 tokens in, 60 out
spent $0.0019 of $0.25, of it $0.00012 unconfirmed; the cache saved $0.00003
run 0198f3ab-0000-7000-8000-000000000001
`);
});

test("a bill above what prices allow is told, and is not exit code 0", () => {
  const report = reportOfRun(
    run([PASSED], { state: "passed", spent_microusd: 99_000_000, excess_microusd: 98_950_000 }),
  );
  expect(plain(report)).toContain("$98.95 was billed above the most that prices allow.");
  expect(exitCodeOf(report)).toBe(3);
  expect(report.totals.excess_microusd).toBe(98_950_000);
  expect(junitReport(report)).toContain('<property name="excess_microusd" value="98950000"/>');
  expect(plain(reportOfRun(run([PASSED])))).not.toContain("billed above");
});

test("text: flaky ones are named, and why a run ended", () => {
  const results = [1, 2, 3].map((repeat) => result("refund", { repeat, state: repeat === 2 ? "failed" : "passed" }));
  const text = plain(reportOfRun(run(results, { repeat: 3, state: "out_of_budget", crossed: "cap_day" })));
  expect(text).toContain("✗ refund #2");
  expect(text).toContain("flaky: refund (2 of 3 passed)");
  expect(text).toContain("before the call that would have crossed the cap of the day (UTC). An owner can raise it");
});

test("text: what was broken off is counted apart from what never began, and compared with nothing", () => {
  const before = { last: PASSED.last, median: PASSED.median };
  const broken = result("held", { state: "stopped", duration_ms: 40, cost_microusd: 0, ...before });
  const report = reportOfRun(
    run([PASSED, broken, result("late", { state: "stopped", attempts: 0, duration_ms: 0, ...before })]),
  );
  const text = plain(report);
  expect(text).toContain("- held      broken off\n- late      not run\n\n");
  expect(text).toContain("release, live: 1 passed, 1 broken off, 1 not run; ");
  expect(report.totals).toMatchObject({ not_run: 2, broken_off: 1 });
});

test("text: when a recording is missing, it says how to get it", () => {
  const failures = [{ turn: 1, expectation: "recording", message: "No recording of m." }];
  const advice = (...names: string[]) =>
    /npm run synthetic -- (.*)/.exec(
      plain(reportOfRun(run([PASSED, ...names.map((name) => result(name, { state: "failed", failures }))]))),
    )?.[1];
  expect(advice("a")).toBe("release a --record missing");
  // It was run twice.
  expect(advice("a", "b", "a")).toBe("release a b --record missing");
  expect(advice("a", "b", "c", "d", "e", "f")).toBe("release --record missing");
  expect(plain(reportOfRun(run([FAILED])))).not.toContain("--record");
});

test("colours are only there when they are asked for", () => {
  const report = reportOfRun(run([FAILED]));
  // deno-lint-ignore no-control-regex -- it is what colours are made of
  const codes = /\x1b\[\d+m/g;
  expect(plain(report)).not.toMatch(codes);
  expect(textReport(report, painter(true))).toMatch(codes);
  expect(textReport(report, painter(true)).replace(codes, "")).toBe(plain(report));
});

test("a replay's report has nothing of this run: no trace, no run, no seed, and its own order", () => {
  const ended = ["b", "a"].flatMap((scenario) => [2, 1].map((repeat) => ({ scenario, repeat, outcome: outcome() })));
  const report = reportOfReplay({ tier: "smoke", repeat: 2 }, ended);
  expect(report).toMatchObject({ run_id: null, seed: null, state: "passed", ceiling_microusd: null });
  expect(report.results.map(({ scenario, repeat }) => `${scenario}${repeat}`)).toEqual(["a1", "a2", "b1", "b2"]);
  expect(report.results.every(({ trace_ids, spent_microusd }) => trace_ids.length + spent_microusd === 0)).toBe(true);
  expect(plain(report)).toContain("recorded cost $0.0038, spent nothing");
  expect(reportOfReplay({ tier: "smoke", repeat: 1 }, [...ended].reverse()).results).toEqual(report.results);
});

test("exit codes: 0 passed, 1 failed, 3 stopped or out of budget", () => {
  const code = (state: SyntheticRun["state"], results = [PASSED]) => exitCodeOf(reportOfRun(run(results, { state })));
  expect([code("passed"), code("failed"), code("stopped"), code("out_of_budget"), code("abandoned")]).toEqual([
    0,
    1,
    3,
    3,
    1,
  ]);
  expect(code("passed", [FAILED])).toBe(1);
});

test("JUnit: an XML parser reads back what was written, whatever the bot said", async ({ db }) => {
  const nasty = `a "b" & <c> ]]> \u0000\u001b[31m\ud800 é 😀 '`;
  const failed = {
    ...FAILED,
    failures: [{ turn: 1, expectation: "text", message: nasty, diff: [`+ ${nasty}`] }],
    drift: [nasty],
  };
  const xml = junitReport(reportOfRun(run([PASSED, failed, result("late", { state: "stopped", duration_ms: null })])));
  const read = async (path: string) => {
    const { rows } = await db.query("select xpath($2, xmlparse(document $1))::text[] as found", [xml, path]);
    return rows[0].found as string[];
  };
  expect(await read("//testcase/@name")).toEqual(["greets", "late", "refund"]);
  expect(await read("//testsuite/@*")).toEqual(["synthetic.release", "3", "1", "0", "1", "2.400"]);
  expect(await read("//testcase[@name='greets']/@time")).toEqual(["1.200"]);
  expect(await read("string(//testcase[@name='refund']/failure/@type)")).toEqual(["text"]);
  const { rows } = await db.query(
    "select x.said from xmltable('//failure' passing xmlparse(document $1) columns said text path '@message') as x",
    [xml],
  );
  expect(rows).toEqual([{ said: `a "b" & <c> ]]> \ufffd\ufffd[31m\ufffd é 😀 '` }]);
  expect(await read("//skipped/@message")).toEqual(["broken off"]);
  expect(await read("//property[@name='spent_microusd']/@value")).toEqual(["1900"]);
});
