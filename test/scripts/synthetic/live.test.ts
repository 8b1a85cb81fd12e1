// Paid runs of `npm run synthetic` in this process, on the real database: what a terminal does around them. Its scenarios and its
// person are scripted; real ones are in test/e2e.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Db } from "../../../functions/_shared/db.ts";
import { aborted, outcome, type Script } from "../../functions/synthetic/suite/_support.ts";
import { end, givenHistory, givenRun, givenSpent, recorded, start as call } from "../../_support/synthetic.ts";
import { begin, lastRun, on, run } from "./_live.ts";
import { dir, type Options, tokens } from "./_support.ts";

const DAY = 86_400_000;

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
