// `npm run synthetic` in this process: on scripted scenarios, a scripted person and a simple database.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Recorded } from "../../../functions/synthetic/llm/ports.ts";
import { Invalid } from "../../../scripts/scenario/problem.ts";
import { type Deps, main } from "../../../scripts/synthetic/main.ts";
import { aborted, outcome, scenario, type Script, scripted } from "../../functions/synthetic/suite/_support.ts";
import { type FakeDb, fakeDb, type FakeOptions, RUN } from "./_fake_db.ts";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "synthetic-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Options extends FakeOptions {
  scripts?: Record<string, Script>;
  env?: Record<string, string>;
  /** What the person types; left out: there is none. */
  types?: (string | undefined)[];
  db?: FakeDb;
  load?: Deps["load"];
}

/** `main`, and all that can be seen of it. */
function start(argv: string[], { scripts = {}, env = { KEY: "sk-secret" }, types, db, load, ...fake }: Options = {}) {
  const interrupted = new AbortController();
  const seen = { out: "", err: "", asked: [] as string[], connected: 0, db: db ?? fakeDb(fake) };
  const deps: Deps = {
    env,
    terminal: {
      out: (text) => void (seen.out += text),
      err: (text) => void (seen.err += text),
      interactive: types !== undefined,
      colours: false,
      columns: 80,
      ask(question, signal) {
        seen.asked.push(question);
        if (types!.length > 0) return Promise.resolve(types!.shift());
        return aborted(signal).then(() => Promise.reject(new Error("aborted")));
      },
    },
    load: load ?? (() =>
      Promise.resolve({
        scenarios: [scenario("greets"), scenario("refund"), scenario("slow", { smoke: false })],
        bot: {
          create: () => Promise.reject(new Error("unused")),
          provider: (env) => {
            const apiKey = env("KEY");
            if (!apiKey) throw new Error("KEY is missing: the key that pays");
            return { baseUrl: "http://127.0.0.1:1", apiKey };
          },
        },
        recordingsDir: join(dir, "recordings"),
        runScenario: scripted(scripts),
      })),
    connect: () => {
      seen.connected++;
      return Promise.resolve({ db: seen.db, where: "a test" });
    },
    tokensDir: join(dir, "tokens"),
    hide: () => {},
    signal: interrupted.signal,
  };
  return { seen, interrupt: () => interrupted.abort(), ended: main(argv, deps).then((code) => ({ code, ...seen })) };
}

const run = (argv: string[], options?: Options) => start(argv, options).ended;
const tokens = () => readdirSync(join(dir, "tokens"));

test("--help: on stdout, exit code 0; what is wrong: on stderr with the help, exit code 2", async () => {
  expect(await run(["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("--dry-run"), err: "" });
  const wrong = await run(["--repeat", "x"]);
  expect(wrong).toMatchObject({ code: 2, out: "", connected: 0 });
  expect(wrong.err).toMatch(/^--repeat takes a whole number from 1 to 100, not x\n\nSynthetic tests/);
});

test("--list shows the scenarios, and asks no database", async () => {
  const { code, out, connected } = await run(["--list"]);
  expect([code, connected]).toEqual([0, 0]);
  expect(out.split("\n")[2]).toBe("slow    release    0 recorded  Shows slow");
});

test("scenarios that are wrong are named with file and line, and nothing runs; exit code 2", async () => {
  const load = () =>
    Promise.reject(new Invalid([{ file: "a.yaml", line: 3, column: 5, message: "`sai` is not known." }]));
  for (const argv of [["--dry-run"], ["--spend", "1"]]) {
    expect(await run(argv, { load })).toMatchObject({
      code: 2,
      out: "",
      err: "a.yaml:3:5: `sai` is not known.\n",
      connected: 0,
    });
  }
});

test("dry run: passes, fails, and is told of; no database, no provider", async () => {
  const { code, out, err, connected } = await run(["--dry-run"], { env: {} });
  expect([code, connected]).toEqual([0, 0]);
  expect(err).toMatch(/^smoke, dry run, seed \d+\n$/);
  expect(out).toContain("smoke, dry run: 2 passed;");
  const failed = await run(["--dry-run", "release"], { scripts: { slow: () => outcome({ state: "failed" }) } });
  expect([failed.code, failed.out]).toEqual([1, expect.stringContaining("2 passed, 1 failed")]);
});

test("dry run: a scenario that wants a socket fails by that, and the others do not", async () => {
  const wants: Script = () => fetch("http://example.test:8080/x").then(() => outcome(), () => outcome());
  const { code, out } = await run(["--dry-run"], { scripts: { refund: wants } });
  expect(code).toBe(1);
  expect(out).toMatch(/✓ greets.*\n✗ refund.*\n {4}whole conversation, bot: It wanted a socket to example\.test:8080/);
});

test("dry run: the report does not know of the seed, the order or the trace ids", async () => {
  const report = async (...args: string[]) => {
    const order: string[] = [];
    const noting: Script = ({ seed }) => (order.push(String(seed)), outcome({ trace_ids: [crypto.randomUUID()] }));
    const { out } = await run(["--dry-run", "release", "--repeat", "3", "--json", "-", ...args], {
      scripts: { greets: noting, refund: noting, slow: noting },
    });
    return { out, order: order.join() };
  };
  const [a, b, c] = [await report(), await report(), await report("--seed", "5")];
  expect(a).toEqual(b);
  expect(c.out).toBe(a.out);
  expect(c.order).not.toBe(a.order);
});

test("--json - and --junit: machines read stdout and the file, people stderr", async () => {
  const { out, err } = await run(["--dry-run", "--json", "-", "--junit", join(dir, "junit.xml")]);
  expect(JSON.parse(out)).toMatchObject({
    format: "tracegram-synthetic",
    version: 1,
    totals: { passed: 2, failed: 0 },
  });
  expect(err).toContain("2 passed");
  expect(readFileSync(join(dir, "junit.xml"), "utf8")).toContain('<testcase classname="synthetic.smoke" name="greets"');
});

test("a file that cannot be written is known before anything is paid for", async () => {
  const { code, err, connected } = await run(["--spend", "1", "--junit", join(dir, "no", "junit.xml")]);
  expect([code, connected]).toEqual([2, 0]);
  expect(err).toContain("cannot be written");
  expect((await run(["--dry-run", "--json", dir])).err).toContain("it is a folder");
});

test.each<[string, string[], Options, RegExp]>([
  ["CI", ["--spend", "1"], { env: { CI: "true", KEY: "k" } }, /CI=true.*Use --dry-run/],
  [
    "CI, recording what is missing",
    ["--record", "missing", "--spend", "1"],
    { env: { CI: "true", KEY: "k" } },
    /--dry-run/,
  ],
  ["CI, resuming", ["--resume", RUN.run_id], { env: { CI: "true", KEY: "k" } }, /--dry-run/],
  ["nobody to ask", [], {}, /Give a ceiling with --spend/],
  ["no key", ["--spend", "1"], { env: {} }, /^KEY is missing: the key that pays\n$/],
  ["an unknown name", ["refnd", "--spend", "1"], {}, /no scenario refnd/],
])("%s: refused before a database is asked, exit code 2", async (_, argv, options, words) => {
  const { code, err, connected, out } = await run(argv, options);
  expect([code, connected, out]).toEqual([2, 0, ""]);
  expect(err).toMatch(words);
});

test("--spend: the estimate, the caps, a line for each scenario, the report; exit code 0", async () => {
  const { code, out, err, db, asked } = await run(["--spend", "0.01", "--seed", "9", "--concurrency", "3"]);
  expect(code).toBe(0);
  expect(db.wish).toEqual({
    tier: "smoke",
    mode: "live",
    repeat: 1,
    scenarios: ["greets", "refund"],
    seed: 9,
    concurrency: 3,
  });
  expect([db.ceiling, asked]).toEqual([10_000, []]);
  expect(err).toContain("  greets       $0.0005      $0.002  by earlier runs");
  expect(err).toContain("Spent today $0.12 of $3.00, this month $1.50 of $20.00; a run may spend $1.00 (a test)");
  expect(err).toContain("[1/2] ✓ greets  1.20 s  $0.00095\n[2/2] ✓ refund  1.20 s  $0.00095\n");
  expect(out).toMatch(/smoke, live: 2 passed; .*\nspent \$0\.0019 of \$0\.004\nrun 0198f3ab/);
  expect(tokens()).toEqual([]);
});

test("a person is asked, and says yes, another ceiling, or no", async () => {
  const yes = await run([], { types: ["y"] });
  expect([yes.code, yes.db.ceiling]).toEqual([0, null]);
  expect(yes.asked).toEqual(["Spend up to $0.004? [y/N, or another ceiling] "]);
  expect((await run([], { types: ["0.003"] })).db.ceiling).toBe(3000);
  for (const types of [[""], ["n"], [undefined], ["0"]]) {
    const { code, err, db } = await run([], { types });
    expect([code, db.state, db.ceiling]).toEqual([2, "cancelled", undefined]);
    expect(err).toContain("Not run. Nothing was spent.");
  }
});

test("where the price is not known a person is asked for a ceiling", async () => {
  const { asked, err, db } = await run([], { types: ["$0.5"], estimates: { refund: null } });
  expect(asked).toEqual(["Ceiling in dollars, such as 0.25 (nothing: do not run): "]);
  expect(err).toContain("and 1 of unknown cost");
  expect(db.ceiling).toBe(500_000);
  expect((await run([], { types: ["y"], estimates: { refund: null } })).code).toBe(2);
});

test.each<[FakeOptions, RegExp]>([
  [{ ask: { no: "running", run_id: RUN.run_id } }, new RegExp(`--stop ${RUN.run_id}`)],
  [{ confirm: { no: "over_cap" } }, /more than is left: \$1\.00/],
  [{ confirm: { no: "expired" } }, /five minutes/],
])("what the database refuses is said in words, exit code 2: %j", async (fake, words) => {
  const { code, err } = await run(["--spend", "5"], fake);
  expect([code, err]).toEqual([2, expect.stringMatching(words)]);
});

test("a failure is exit code 1, a stop by somebody else 3", async () => {
  const failed = await run(["--spend", "1"], { scripts: { refund: () => outcome({ state: "failed" }) } });
  expect(failed.code).toBe(1);
  const db = fakeDb();
  const stopped = await run(["--spend", "1"], {
    db,
    scripts: {
      greets: async ({ signal }) => {
        db.state = "stopped";
        await aborted(signal);
        return outcome({ state: "stopped" });
      },
    },
  });
  expect([stopped.code, stopped.out]).toEqual([3, expect.stringContaining("The run was stopped.")]);
});

test("Ctrl-C: paid calls are aborted, the run is stopped in the database, the report is shown; exit code 130", async () => {
  const { interrupt, ended } = start(["--spend", "1"], {
    scripts: {
      greets: async ({ signal }) => {
        interrupt();
        expect(signal.aborted).toBe(true);
        return await Promise.resolve(outcome({ state: "stopped" }));
      },
    },
  });
  const { code, out, db } = await ended;
  expect([code, db.state, db.calls]).toEqual([130, "stopped", ["stop"]]);
  expect(out).toMatch(/- greets +broken off/);
});

test("Ctrl-C while it asks: taken back, exit code 130", async () => {
  const { seen, interrupt, ended } = start([], { types: [] });
  await expect.poll(() => seen.asked.length).toBe(1);
  interrupt();
  expect(await ended).toMatchObject({ code: 130, db: { state: "cancelled" } });
});

const recorded = (key: string, text: string): Recorded => ({
  key,
  nth: 0,
  request: {},
  status: 200,
  content_type: "application/json",
  chunks: [{ ms: 1, text }],
  duration_ms: 1,
  model: "m",
  input_tokens: 1,
  output_tokens: 1,
  cost_microusd: 1,
});

test("--record writes what was answered, sorted and readable; the scenario is told to", async () => {
  const records: Script = ({ record, recordings, mode }) => {
    recordings.add(recorded("b", `${record} ${mode}`));
    recordings.add(recorded("a", "x"));
    return outcome();
  };
  const { err } = await run(["greets", "--record", "missing", "--spend", "1"], { scripts: { greets: records } });
  const file = join(dir, "recordings", "greets.json");
  expect(err).toContain(`Recorded: ${file}`);
  const text = readFileSync(file, "utf8");
  expect(JSON.parse(text).map((one: Recorded) => [one.key, one.chunks[0]!.text])).toEqual([["a", "x"], [
    "b",
    "true missing",
  ]]);
  expect(text).toMatch(/^\[\n {2}\{\n {4}"key": "a",\n/);
  expect(readdirSync(join(dir, "recordings"))).toEqual(["greets.json"]);
});

test("--pull writes all pages of a run's recordings, and says when nothing is new", async () => {
  const first = await run(["--pull", RUN.run_id]);
  expect([first.code, first.err]).toEqual([
    0,
    expect.stringMatching(/^3 recorded calls; written: .*greets\.json, .*refund\.json/),
  ]);
  expect(JSON.parse(readFileSync(join(dir, "recordings/greets.json"), "utf8"))).toEqual([{ key: "k0", nth: 0 }, {
    key: "k2",
    nth: 0,
  }]);
  expect((await run(["--pull", RUN.run_id])).err).toBe("3 recorded calls; all of them were here\n");
});

test("--stop stops a run, or says that there is none", async () => {
  const db = fakeDb();
  db.state = "running";
  expect(await run(["--stop", RUN.run_id], { db })).toMatchObject({ code: 0, err: `Run ${RUN.run_id}: stopped\n` });
  expect((await run(["--stop", RUN.run_id.replace("a", "b")])).code).toBe(2);
});

test("a run that was cut off goes on with --resume, by a token that only its owner can read", async () => {
  const db = fakeDb();
  db.takeScenario = () => Promise.reject(new Error("killed"));
  const cut = await run(["--spend", "1"], { db });
  expect([cut.code, cut.err]).toEqual([
    1,
    expect.stringContaining(`can go on: npm run synthetic -- --resume ${RUN.run_id}`),
  ]);
  expect(tokens()).toEqual([RUN.run_id]);
  expect(statSync(join(dir, "tokens", RUN.run_id)).mode & 0o077).toBe(0);

  const again = fakeDb();
  Object.assign(again, { state: "running", wish: { tier: "smoke", mode: "live", scenarios: ["greets"] } });
  const { code, err, asked } = await run(["--resume", RUN.run_id], { db: again });
  expect([code, asked]).toEqual([0, []]);
  expect(err).toContain("smoke, live, 1 at once, seed 77");
  expect(tokens()).toEqual([]);
  expect(await run(["--resume", RUN.run_id])).toMatchObject({ code: 2, err: expect.stringContaining("is over, or") });
});
