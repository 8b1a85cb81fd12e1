// What `npm run synthetic` does without a database, in this process. With one: live.test.ts.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { Invalid } from "../../../scripts/scenario/problem.ts";
import { outcome, type Script } from "../../functions/synthetic/suite/_support.ts";
import { dir, type Options, start } from "./_support.ts";

const RUN = "0198f3ab-0000-7000-8000-00000000000a";

const run = (argv: string[], options?: Options) => start(argv, options).ended;

test("--help: on stdout, exit code 0; what is wrong: on stderr, exit code 2", async () => {
  expect(await run(["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("--dry-run"), err: "" });
  const wrong = await run(["--repeat", "x"]);
  expect(wrong).toMatchObject({ code: 2, out: "", connected: 0 });
  expect(wrong.err).toBe(
    "--repeat takes a whole number from 1 to 100, not x\n\nWhat to do: npm run synthetic -- --help shows what can be told.\n",
  );
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
  // Nobody can make a file in /proc, of whatever it says that it may be written.
  expect(await run(["--spend", "1", "--json", "/proc/x"])).toMatchObject({ code: 2, connected: 0 });
  // What is only looked at leaves no file.
  await run(["--json", join(dir, "report.json")]);
  expect(existsSync(join(dir, "report.json"))).toBe(false);
});

test("a file that cannot be written after all takes nothing away: the report is shown, and then why; exit code 2", async () => {
  const json = join(dir, "reports", "x.json");
  mkdirSync(dirname(json));
  const removes: Script = () => (rmSync(dirname(json), { recursive: true, force: true }), outcome());
  const argv = ["--dry-run", "--json", json, "--junit", join(dir, "junit.xml")];
  const { code, out, err } = await run(argv, { scripts: { greets: removes } });
  expect([code, out]).toEqual([2, expect.stringContaining("2 passed")]);
  expect(err).toMatch(/\n.*x\.json cannot be written: ENOENT.*\n$/);
  expect(err).not.toContain("    at ");
  expect(readFileSync(join(dir, "junit.xml"), "utf8")).toContain("</testsuites>");
});

test("where there is no database: words, exit code 2", async () => {
  expect(await run(["--spend", "1"])).toMatchObject({ code: 2, err: expect.stringContaining("no database is here") });
});

test.each<[string, string[], Options, RegExp]>([
  ["CI", ["--spend", "1"], { env: { CI: "true", KEY: "k" } }, /CI=true.*Use --dry-run/],
  [
    "CI, recording what is missing",
    ["--record", "missing", "--spend", "1"],
    { env: { CI: "true", KEY: "k" } },
    /--dry-run/,
  ],
  ["CI, resuming", ["--resume", RUN], { env: { CI: "true", KEY: "k" } }, /--dry-run/],
  ["nobody to ask", [], {}, /Give a ceiling with --spend/],
  ["no key", ["--spend", "1"], { env: {} }, /^KEY is missing: the key that pays\n$/],
  ["an unknown name", ["refnd", "--spend", "1"], {}, /no scenario refnd/],
])("%s: refused before a database is asked, exit code 2", async (_, argv, options, words) => {
  const { code, err, connected, out } = await run(argv, options);
  expect([code, connected, out]).toEqual([2, 0, ""]);
  expect(err).toMatch(words);
});
