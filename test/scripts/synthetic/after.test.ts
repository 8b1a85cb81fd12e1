// What is kept of a paid run of `npm run synthetic`, and what can be done with it afterwards: --record, --pull, --stop, --resume.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Recorded } from "../../../functions/_shared/synthetic_work.ts";
import { outcome, type Script, sleep } from "../../functions/synthetic/suite/_support.ts";
import { end, givenCall, givenRun, givenTaken, recorded, start as call } from "../../_support/synthetic.ts";
import { lastRun, on, run } from "./_live.ts";
import { dir, tokens } from "./_support.ts";

const NO_RUN = "0198f3ab-0000-7000-8000-00000000000a";

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

/** A run that was cut off after its first scenario. */
async function givenCut(...argv: string[]) {
  const cut: Script = async () => (await on.refuse("take_scenario"), outcome());
  const { err } = await run(["--spend", "1", "--concurrency", "1", ...argv], { scripts: { greets: cut, refund: cut } });
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
