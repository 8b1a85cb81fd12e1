// Paid runs of `npm run synthetic` in this process, on the real database: what a terminal does around them. Its scenarios and its
// person are scripted; real ones are in test/e2e.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import type { Db } from "../../../functions/_shared/db.ts";
import type { Recorded } from "../../../functions/_shared/synthetic_work.ts";
import { aborted, outcome, type Script, sleep } from "../../functions/synthetic/suite/_support.ts";
import { type RunStack, startRunStack } from "../../_support/run_stack.ts";
import {
  end,
  entry,
  givenCall,
  givenHistory,
  givenRun,
  givenSpent,
  givenTaken,
  recorded,
  start as call,
} from "../../_support/synthetic.ts";
import { dir, type Options, start, tokens } from "./_support.ts";

const DAY = 86_400_000;
const NO_RUN = "0198f3ab-0000-7000-8000-00000000000a";

let on: RunStack;
beforeAll(async () => void (on = await startRunStack()));
afterAll(() => on?.end());
beforeEach(async () => {
  await on.forget();
  // The function's, for runs that were there before. A terminal brings its own.
  await on.sql.register(["greets", "refund", "slow"].map((name) => entry(name)));
});

const begin = (argv: string[], options?: Options) => start(argv, { db: on.db, ...options });
const run = (argv: string[], options?: Options) => begin(argv, options).ended;

/** The run that was asked for last, as the database has it. */
async function lastRun() {
  const { rows: [row] } = await on.client.query(`
    select run_id, state, tier, mode, scenarios, repeat, seed, concurrency,
      ceiling_microusd::int as ceiling, spent_microusd::int as spent, reserved_microusd::int as reserved
    from tracegram.synthetic_runs
    order by asked_at desc
    limit 1
  `);
  return row;
}

/** Expected at $0.0005 each, and at worst at $0.002. */
const givenPrices = (...names: string[]) =>
  givenHistory(on.sql, Object.fromEntries(names.map((name) => [name, [500, 2000, 500]])));

/** Makes one call, which costs $0.00095. */
const pays: Script = async ({ ledger }) => {
  const begun = await ledger.begin(call({ worst_microusd: 2000 }));
  if (begun.kind === "go") await ledger.settle(begun.call_id, end(950));
  return outcome({ cost_microusd: 950 });
};

test("--spend: the estimate, the caps, a line for each scenario, the report; exit code 0", async () => {
  await givenPrices("greets", "refund");
  const now = Date.now();
  const another = new Date(now).getUTCDate() > 1 ? now - DAY : now + DAY;
  await givenSpent(on.sql, "slow", [[another, 500_000], [now, 120_000]]);
  const { code, out, err, asked } = await run(["--spend", "0.01", "--seed", "9", "--concurrency", "3"], {
    scripts: { greets: pays, refund: pays },
  });
  expect([code, asked]).toEqual([0, []]);
  const { run_id, ...row } = await lastRun();
  expect(row).toEqual({
    state: "passed",
    tier: "smoke",
    mode: "live",
    repeat: 1,
    scenarios: ["greets", "refund"],
    seed: 9,
    concurrency: 3,
    ceiling: 10_000,
    spent: 1900,
    reserved: 0,
  });
  expect(err).toContain("  greets       $0.0005      $0.002  by earlier runs");
  expect(err).toContain("Expected $0.001, at worst $0.004\n");
  expect(err).toContain("Spent today $0.12 of $3.00, this month $0.62 of $20.00; a run may spend $1.00 (a test)");
  // They run at once, and either may be the first.
  expect(err).toMatch(/\n\[1\/2\] ✓ \w+ {2}1\.20 s {2}\$0\.00095\n\[2\/2\] ✓ \w+ {2}1\.20 s {2}\$0\.00095\n/);
  expect(err.match(/(?<=✓ )\w+/g)!.sort()).toEqual(["greets", "refund"]);
  expect(out).toMatch(/smoke, live: 2 passed; .*\nspent \$0\.0019 of \$0\.01\n/);
  expect(out).toContain(`\nrun ${run_id}\n`);
  expect(tokens()).toEqual([]);
});

test("a person is asked, and says yes, another ceiling, or no", async () => {
  await givenPrices("greets", "refund");
  const yes = await run([], { types: ["y"] });
  expect(yes.code).toBe(0);
  expect(yes.asked).toEqual(["Spend up to $0.004? [y/N, or another ceiling] "]);
  expect(await lastRun()).toMatchObject({ state: "passed", ceiling: 4000 });
  await run([], { types: ["0.003"] });
  expect(await lastRun()).toMatchObject({ state: "passed", ceiling: 3000 });
  await run([], { types: [".003"] });
  expect(await lastRun()).toMatchObject({ state: "passed", ceiling: 3000 });
  for (const types of [[""], ["n"], ["No"], [undefined], ["0"]]) {
    const { code, err } = await run([], { types });
    expect([code, await lastRun()]).toMatchObject([2, { state: "cancelled", ceiling: 0 }]);
    expect(err).toContain("Not run. Nothing was spent.");
  }
});

test.each(["0,002", "yep", "\x1b[A1"])("what is neither yes, no nor an amount is named: %j", async (typed) => {
  const said = `Not run: ${JSON.stringify(typed)} is no amount such as 0.25. Nothing was spent.\n`;
  expect(await run([], { types: [typed] })).toMatchObject({ code: 2, err: expect.stringContaining(said) });
  await givenPrices("greets", "refund");
  expect(await run([], { types: [typed] })).toMatchObject({ code: 2, err: expect.stringContaining(said) });
});

test("--record missing: what has recordings may cost nothing, and is not called expected", async () => {
  await givenPrices("greets", "refund", "slow");
  const price = async (...argv: string[]) => (await run([...argv, "--record", "missing"], { types: ["n"] })).err;
  expect(await price()).toContain("Expected $0.001, at worst $0.004\n");
  mkdirSync(join(dir, "recordings"));
  writeFileSync(join(dir, "recordings/refund.json"), JSON.stringify([recorded(call())]));
  const err = await price();
  expect(err).toMatch(/ {2}greets {2,}\$0\.0005 {2,}\$0\.002 .*\n {2}refund {2,}\$0 to \$0\.0005 {2,}\$0\.002 /);
  expect(err).toContain("Paid where there is no recording: at worst $0.004\n");
  expect(err).not.toContain("Expected");
});

test("where the price is not known a person is asked for a ceiling", async () => {
  await givenPrices("greets");
  expect((await run([], { types: ["y"] })).code).toBe(2);
  const { asked, err } = await run([], { types: ["$0.5"] });
  expect(asked).toEqual(["Ceiling in dollars, such as 0.25 (nothing: do not run): "]);
  expect(err).toContain("  refund       unknown     unknown\n");
  expect(err).toContain("and 1 of unknown cost");
  expect(await lastRun()).toMatchObject({ state: "passed", ceiling: 500_000 });
});

/** Something becomes of what was asked for while the person thinks about it. */
const thinking = (query: string): Options => ({
  types: [async () => {
    await on.client.query(query);
    return "0.5";
  }],
});

test.each<[string, () => Promise<Options>, RegExp]>([
  ["more than is left", async () => {
    await on.db.changeSettings({ synthetic_run_cap_microusd: 400_000 });
    return { types: ["0.5"] };
  }, /more than is left: \$0\.40/],
  ["nothing left", async () => {
    await on.db.changeSettings({ synthetic_day_cap_microusd: 0 });
    return { types: [] };
  }, /^Nothing is left to be spent\. Spent today \$0\.00 of \$0\.00/],
  [
    "too late",
    () => Promise.resolve(thinking("update tracegram.synthetic_runs set confirm_until = now()")),
    /five minutes/,
  ],
  [
    "taken back meanwhile",
    () => Promise.resolve(thinking("select public.stop_synthetic_run(null, run_id) from tracegram.synthetic_runs")),
    /It was taken back\./,
  ],
])("what the database refuses is said in words, exit code 2: %s", async (_, given, words) => {
  const { code, err } = await run([], await given());
  expect([code, err]).toEqual([2, expect.stringMatching(words)]);
  expect((await on.client.query("select from tracegram.synthetic_runs where state <> 'cancelled'")).rowCount).toBe(0);
});

test("who has a run that is going on is told how to stop it, exit code 2", async () => {
  await on.client.query("insert into tracegram.admins (user_id, role) values (7, 'operator')");
  onTestFinished(async () => void await on.client.query("delete from tracegram.admins where user_id = 7"));
  const { run_id } = await givenRun(on.sql, { actor: 7, at: Date.now() });
  // Terminals may have as many as they like: only an admin is told so.
  const asAdmin: Db = { ...on.db, askRun: (_, wish) => on.db.askRun(7, wish) };
  const { code, err } = await run(["--spend", "0.5"], { db: asAdmin });
  expect([code, err]).toEqual([2, expect.stringContaining(`--stop ${run_id}\n`)]);
  const local = await run(["--spend", "0.5", "--local"], { db: asAdmin });
  expect(local.err).toContain(`--stop ${run_id} --local\n`);
});

test("a failure is exit code 1, a stop by somebody else 3", async () => {
  const failed = await run(["--spend", "1"], { scripts: { refund: () => outcome({ state: "failed" }) } });
  expect(failed.code).toBe(1);
  const stopped = await run(["--spend", "1"], {
    scripts: {
      greets: async ({ signal }) => {
        await on.db.stopRun(null, (await lastRun()).run_id);
        await aborted(signal);
        return outcome({ state: "stopped" });
      },
    },
  });
  expect([stopped.code, stopped.out]).toEqual([3, expect.stringContaining("The run was stopped.")]);
});

test("Ctrl-C: paid calls are aborted, the run is stopped in the database, the report is shown; exit code 130", async () => {
  let isAborted = false;
  const { interrupt, ended } = begin(["greets", "--spend", "1"], {
    scripts: {
      greets: async ({ ledger, signal }) => {
        await ledger.begin(call({ worst_microusd: 2000 }));
        interrupt();
        isAborted = signal.aborted;
        return outcome({ state: "stopped" });
      },
    },
  });
  const { code, out } = await ended;
  expect([code, isAborted]).toEqual([130, true]);
  expect(await lastRun()).toMatchObject({ state: "stopped", spent: 2000, reserved: 0 });
  expect(out).toMatch(/- greets +broken off\n +\$0\.002 unconfirmed\n/);
});

test("Ctrl-C while it asks: taken back, exit code 130", async () => {
  const { seen, interrupt, ended } = begin([], { types: [] });
  await expect.poll(() => seen.asked.length).toBe(1);
  interrupt();
  expect((await ended).code).toBe(130);
  expect(await lastRun()).toMatchObject({ state: "cancelled" });
});

test("--record writes what was answered, sorted and readable; the scenario is told to", async () => {
  const records: Script = ({ record, recordings, mode }) => {
    recordings.add(recorded(call({ key: "b" }), { chunks: [{ ms: 1, text: `${record} ${mode}` }] }));
    recordings.add(recorded(call({ key: "a" }), { chunks: [{ ms: 1, text: "x" }] }));
    return outcome();
  };
  const { err } = await run(["greets", "--record", "missing", "--spend", "1"], { scripts: { greets: records } });
  const file = join(dir, "recordings", "greets.json");
  expect(err).toContain(`Recorded: ${file}`);
  const text = readFileSync(file, "utf8");
  expect(JSON.parse(text).map((one: Recorded) => [one.key, one.chunks[0]!.text])).toEqual([
    ["a", "x"],
    ["b", "true missing"],
  ]);
  expect(text).toMatch(/^\[\n {2}\{\n {4}"key": "a",\n/);
  expect(readdirSync(join(dir, "recordings"))).toEqual(["greets.json"]);
});

test("what was recorded before a run was cut off is there when it has gone on", async () => {
  const script = (refused: Script): Record<string, Script> =>
    Object.fromEntries(["greets", "refund"].map((name) => [name, async (deps) => {
      const made = call({ key: name, worst_microusd: 10 });
      const begun = await deps.ledger.begin(made);
      if (begun.kind === "go") await deps.ledger.settle(begun.call_id, end(10, { recorded: recorded(made) }));
      return await refused(deps);
    }]));
  const cut = await run(["--spend", "1", "--record", "--concurrency", "1"], {
    scripts: script(async () => {
      await on.refuse("take_scenario");
      return outcome();
    }),
  });
  expect(cut.code).toBe(2);
  // It was killed, and has written nothing.
  expect(existsSync(join(dir, "recordings"))).toBe(false);
  await on.allow("take_scenario");
  const { code, err } = await run(["--resume", (await lastRun()).run_id], { scripts: script(() => outcome()) });
  expect([code, err]).toEqual([0, expect.stringContaining("2 recorded calls; written: ")]);
  expect(readdirSync(join(dir, "recordings")).sort()).toEqual(["greets.json", "refund.json"]);
});

test("--pull writes all pages of a run's recordings, and says when nothing is new", async () => {
  const at = Date.now();
  const key = await givenRun(on.sql, { scenarios: ["greets", "refund"], at });
  const [one, other] = [await givenTaken(on.sql, key, "w", at), await givenTaken(on.sql, key, "w", at)];
  const answered: Record<string, Recorded[]> = { greets: [], refund: [] };
  // 20 are a page.
  for (let nth = 0; nth < 23; nth++) {
    const it = nth % 2 ? one : other;
    const made = call({ nth, worst_microusd: 10 });
    const answer = recorded(made, { chunks: [{ ms: 1, text: `${nth}` }] });
    await on.sql.settle(key, await givenCall(on.sql, key, it, made, at), end(10, { recorded: answer }), at);
    answered[it.scenario]!.push(answer);
  }
  const first = await run(["--pull", key.run_id]);
  expect([first.code, first.err]).toEqual([
    0,
    expect.stringMatching(/^23 recorded calls; written: (?=.*greets\.json).*refund\.json/),
  ]);
  for (const [name, calls] of Object.entries(answered)) {
    expect(JSON.parse(readFileSync(join(dir, `recordings/${name}.json`), "utf8"))).toEqual(calls);
  }
  expect((await run(["--pull", key.run_id])).err).toBe("23 recorded calls; all of them were here\n");
});

test("--pull of a run that is not there: it says so, exit code 2", async () => {
  expect(await run(["--pull", NO_RUN])).toMatchObject({ code: 2, err: `There is no run ${NO_RUN}.\n` });
});

test("--stop stops a run, or says that there is none", async () => {
  const { run_id } = await givenRun(on.sql, { at: Date.now() });
  expect(await run(["--stop", run_id])).toMatchObject({ code: 0, err: `Run ${run_id}: stopped\n` });
  expect(await lastRun()).toMatchObject({ run_id, state: "stopped" });
  expect(await run(["--stop", NO_RUN])).toMatchObject({ code: 2, err: `There is no run ${NO_RUN}.\n` });
});

test("a run that was cut off goes on with --resume, by a token that only its owner can read", async () => {
  const ran: string[] = [];
  const scripts = (first?: () => Promise<unknown>) =>
    Object.fromEntries(["greets", "refund"].map((name): [string, Script] => [name, async () => {
      await first?.();
      ran.push(name);
      return outcome();
    }]));
  const cut = await run(["--spend", "1", "--seed", "77", "--concurrency", "1"], {
    scripts: scripts(() => on.refuse("take_scenario")),
  });
  const { run_id } = await lastRun();
  expect([cut.code, cut.err]).toEqual([
    2,
    expect.stringContaining(`can go on: npm run synthetic -- --resume ${run_id}\n`),
  ]);
  expect([tokens(), ran.length]).toEqual([[run_id], 1]);
  const file = join(dir, "tokens", run_id);
  expect(statSync(file).mode & 0o077).toBe(0);
  const token = readFileSync(file, "utf8");

  await on.allow("take_scenario");
  const { code, err, out, asked } = await run(["--resume", run_id], { scripts: scripts() });
  expect([code, asked, ran.sort()]).toEqual([0, [], ["greets", "refund"]]);
  expect(err).toContain("smoke, live, 1 at once, seed 77\n[2/2] ✓");
  expect(out).toContain("smoke, live: 2 passed");
  expect(tokens()).toEqual([]);
  expect(await run(["--resume", run_id])).toMatchObject({ code: 2, err: expect.stringContaining("is over, or") });
  writeFileSync(file, token);
  expect(await run(["--resume", run_id])).toMatchObject({ code: 2, err: `Run ${run_id} is over: passed.\n` });
  expect(tokens()).toEqual([]);
});

/** A run of which each scenario that is begun leads to a refusal, so that it can go on. */
async function givenCut(...argv: string[]) {
  const scripts = { greets: async () => (await on.refuse("take_scenario"), outcome()) };
  const { err } = await run(["greets", "refund", "--spend", "1", "--concurrency", "1", ...argv], {
    scripts: { ...scripts, refund: scripts.greets },
  });
  await on.allow("take_scenario");
  return { err, ...(await lastRun()) as { run_id: string } };
}

test("what was run with --local is gone on with --local", async () => {
  const { err, run_id } = await givenCut("--local");
  expect(err).toContain(`can go on: npm run synthetic -- --resume ${run_id} --local\n`);
});

test("--resume says that it waits for what a dead worker had, and nothing when it does not", async () => {
  const { run_id } = await givenCut();
  await on.client.query(
    `update tracegram.synthetic_results
     set state = 'running', attempts = 1, worker = 'dead', began_at = now(), leased_until = now() + interval '2 seconds'
     where run_id = $1 and state = 'pending'`,
    [run_id],
  );
  const { code, err } = await run(["--resume", run_id]);
  expect([code, err.match(/Waiting/g)]).toEqual([0, ["Waiting"]]);
  expect(err).toMatch(/seed \d+\nWaiting for what the worker before had: up to 30 s\n\[2\/2\] ✓/);
  // More hands than scenarios: they wait for each other.
  const slowly = async () => (await sleep(1200), outcome());
  const together = await run(["--spend", "1", "--concurrency", "4"], { scripts: { greets: slowly, refund: slowly } });
  expect([together.code, together.err]).toEqual([0, expect.not.stringContaining("Waiting")]);
});

test("a database that is away, or refuses, is no failed test: exit code 2", async () => {
  on.line.breaks = () => "away";
  const away = await run(["--spend", "1"]);
  expect(away).toMatchObject({ code: 2, out: "", err: expect.stringContaining("The database does not answer: ") });
  on.line.breaks = () => undefined;
  await on.refuse("ask_synthetic_run");
  expect(await run(["--spend", "1"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("The database refuses: 42501 "),
  });
});
