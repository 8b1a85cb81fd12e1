/** `npm run bench` at its small size, as a person would start it. What it measures is not looked at: a busy machine is slow. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Result } from "../../../scripts/bench/measure.ts";
import { STACK_DIR } from "../../../scripts/stack/stack.ts";

vi.setConfig({ testTimeout: 240_000 });

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

interface Ended {
  pid: number;
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(...args: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", "scripts/bench/bench.ts", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code) => resolve({ pid: child.pid!, code, stdout, stderr }))
  );
  return { child, ended, stderr: () => stderr };
}
const bench = (...args: string[]) => start(...args).ended;

const DATA = join(STACK_DIR, "bench"); // made by the first benchmark that stores something; the tests have no order
const foldersOf = (pid: number) =>
  existsSync(DATA) ? readdirSync(DATA).filter((name) => name.startsWith(`run-${pid}-`)) : [];

const NAMES = ["tracer", "bot", "bytes", "pages", "stats", "ingest", "retention", "admin"];

/** Each row of the issues' tables: what must be there, with which bar. */
const BARS: [bench: string, what: RegExp, bar: string][] = [
  ...["an async step", "a trace of five steps"].flatMap((what) =>
    ["p50", "p95"].flatMap((p): [string, RegExp, string][] => [
      ["tracer", new RegExp(`^${what}, this tracer: ${p}, against bare AsyncLocalStorage$`), "ratio ≤ 2"],
      ["tracer", new RegExp(`^${what}, this tracer: ${p}, against OpenTelemetry$`), "ratio ≤ 0.5"],
    ])
  ),
  ["tracer", /^the heap after 20,000 steps: has grown by, this tracer$/, "≤ 500000"],
  ["bot", /^8 chats, moderate load: traced, against not traced$/, "ratio ≥ 0.97"],
  ["bot", /^8 chats, moderate load: added to it when traced$/, "≤ 1"],
  ["bot", /^8 chats, moderate load: added to it when traced and the ingest never answers$/, "≤ 1"],
  ["bot", /^24 chats, all that it can handle: traced, against not traced$/, "ratio ≥ 0.97"],
  ["bytes", /^five-step trace: with all indexes$/, "≤ 560"],
  ["bytes", /^five-step trace: .*against the plain design/, "ratio ≤ 0.5"],
  ...["first page", "100th page", "page of errors"].flatMap((page): [string, RegExp, string][] => [
    ["pages", new RegExp(`^${page} of 20,000: p95 in the database$`), "≤ 2"],
    ["pages", new RegExp(`^${page} of 20,000: p95, against that of 3,000$`), "ratio ≤ 1.5"],
    ["pages", new RegExp(`^${page} of 20,000: p95 through PostgREST$`), "≤ 8"],
  ]),
  ["pages", /^get_trace, one of 20,000: p95 in the database$/, "≤ 2"],
  ["pages", /^get_trace, one of 20,000: partitions opened/, "≤ 1"],
  ["stats", /^a week of 20,000: p95 in the database$/, "≤ 15"],
  ["ingest", /^one connection: median, against copy$/, "ratio ≥ 0.25"],
  ["ingest", /^16 connections, with the fold: median, against one connection$/, "ratio ≥ 0.5"],
  ["ingest", /^16 connections, with the fold: seen waiting for another's rows/, "≤ 0"],
  ["retention", /^a day of 5,000 is gone: median$/, "≤ 200"],
  ["retention", /^a day of 5,000 is gone: median, against the DELETE$/, "ratio ≤ 0.01"],
  ...[
    ...[
      "home",
      "trace",
      "a step's I/O",
      "errors, 24 h",
      "errors, 30 d",
      "stats, 1 h",
      "stats, 30 d",
      "storage",
      "alerts",
    ],
    ...["", ", a page of three days ago", ", errors", ", slowest", ", dearest"].map((which) => `traces${which}`),
    ...["settings", "a trace's picture", "the chart of 24 h"],
  ].map((
    screen,
  ): [string, RegExp, string] => ["admin", new RegExp(`^${screen} of 20,000: p95 from update to edit$`), "≤ 1000"]),
  ["retention", /^a batch that comes meanwhile: p95, against before$/, "ratio ≤ 2"],
];

test("all benchmarks run in turn and answer in lines of JSON; then nothing of them is left", async () => {
  const { pid, code, stdout, stderr } = await bench("--size", "small", "--json");
  expect(code, stderr).toBe(0);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Result);
  expect([...new Set(lines.map(({ bench }) => bench))]).toEqual(NAMES);
  // Where the peers cannot be fetched, it says so, and does without.
  const peers = !stderr.includes("tracer: without its peers.");
  const bars = BARS.filter(([, what]) => peers || !String(what).includes("OpenTelemetry"));

  for (const line of lines) {
    expect(Object.keys(line)).toEqual(["bench", "case", "metric", "value", "unit", "against", "ratio", "bar", "ok"]);
    expect(line).toMatchObject({ case: expect.stringMatching(/./), metric: expect.stringMatching(/./) });
    // A count may be none; whatever has a unit is more. What is added or grown may also be less than nothing.
    const least = /added|grown/.test(line.metric) ? -Infinity : line.unit === "" ? 0 : Number.MIN_VALUE;
    expect(line.value, JSON.stringify(line)).toBeGreaterThanOrEqual(least);
    expect(["B", "µs", "ms", "s", "min", "traces/s", "updates/s", ""]).toContain(line.unit);
    if (line.against === null) expect(line.ratio).toBeNull();
    else expect(line.ratio! / (line.value / line.against || 1)).toBeCloseTo(line.value ? 1 : 0, 2);
    if (line.bar === null) expect(line.ok).toBeNull();
    else {
      const [, ratio, way, limit] = /^(ratio )?(≤|≥) ([\d.]+)$/.exec(line.bar)!;
      const measured = ratio ? line.ratio! : line.value;
      expect(line.ok, JSON.stringify(line)).toBe(way === "≤" ? measured <= Number(limit) : measured >= Number(limit));
    }
  }
  const whats = lines.map((line) => `${line.case}: ${line.metric}`);
  expect(new Set(whats.map((what, i) => `${lines[i]!.bench} ${what}`)).size).toBe(lines.length);
  const barred = lines.filter(({ bar }) => bar !== null);
  expect(barred).toHaveLength(bars.length);
  for (const [name, what, bar] of bars) {
    expect(
      barred.filter((line) => line.bench === name && what.test(`${line.case}: ${line.metric}`) && line.bar === bar),
      String(what),
    )
      .toHaveLength(1);
  }

  expect(stderr).toMatch(/^deploying …$/m);
  expect(stderr).not.toContain("\r"); // nor a terminal to draw on
  expect(foldersOf(pid)).toEqual([]);
});

test("one that is named runs alone, and is a table for people", async () => {
  const { code, stdout, stderr } = await bench("bytes");
  expect(code, stderr).toBe(0);
  const [head, ...rows] = stdout.trimEnd().split("\n");
  expect(head).toMatch(/^bytes +measured +against +ratio +bar$/);
  expect(rows[0]).toMatch(/^five-step trace: with all indexes +[\d.,]+ +B +≤ 560 +(ok|missed)$/);
  expect(rows[1]).toMatch(/^five-step trace: .* [\d.,]+ +B +[\d.,]+ +[\d.]+ +ratio ≤ 0.5 +(ok|missed)$/);
  expect(rows.at(-1)).toMatch(/^The small size proves/);
  expect(stdout).not.toMatch(/retention|PostgREST/);
});

test("the tracer's needs no Postgres", async () => {
  const { pid, code, stdout, stderr } = await bench("tracer");
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^tracer +measured +against +ratio +bar$/m);
  expect(stdout).toMatch(/^an async step, not traced: p50, against ours +[\d.]+ +µs +[\d.]+ +[\d.]+$/m);
  expect(stderr).not.toContain("deploying");
  expect(foldersOf(pid)).toEqual([]);
});

test("when it is interrupted, its data goes with it", async () => {
  const { child, ended, stderr } = start("bytes");
  await expect.poll(stderr, { timeout: 60_000 }).toContain("bytes: storing");
  expect(foldersOf(child.pid!)).toHaveLength(1);
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 130, stdout: "" });
  expect(foldersOf(child.pid!)).toEqual([]);
});

describe("what makes no sense is answered with the usage, and nothing is started", () => {
  test.each([
    [["speed"], "Unknown: speed"],
    [["bytes", "toString"], "Unknown: toString"],
    [["--size", "medium"], "--size medium is neither small nor full."],
    [["--fast"], "Unknown option '--fast'"],
  ])("%j", async (args, why) => {
    const { code, stdout, stderr } = await bench(...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(why);
    expect(stderr).toContain("npm run bench -- [name …]");
    expect(stderr).not.toContain("deploying");
  });
});

test("--help says what there is", async () => {
  const { code, stdout } = await bench("--help");
  expect(code).toBe(0);
  for (const word of [...NAMES, "--size", "--json", "--write"]) {
    expect(stdout).toContain(word);
  }
});
