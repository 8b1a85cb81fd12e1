/**
 * The packed package on every runtime that it says it runs on: `smoke.ts` as a process on the oldest Node that package.json
 * names, the newest 22 and 24, the Node of this run, and Deno.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { entries } from "../../scripts/build.ts";
import { installPackages } from "../../scripts/packages.ts";
import { denoProgram } from "../../scripts/stack/functions.ts";
import type { WireStep, WireTrace } from "../../tracer/wire.ts";
import { type IngestServer, startIngest } from "../tracer/_support/ingest.ts";

const { app, dir } = inject("package");
const ENTRIES = Object.keys(entries(dir));
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Why there are no other Nodes, where they cannot be had. */
let missing: string | undefined;
const nodes = await installPackages(HERE, (line) => console.log(line)).catch((error: Error) => {
  missing = error.message;
  return "";
});
const node = (major: number) => [join(nodes, `node_modules/node-${major}/bin/node`)];
const RUNTIMES: [name: string, command: string[], comes: boolean][] = [
  ["Node of this run", [process.execPath], true],
  ...[20, 22, 24].map((major): [string, string[], boolean] => [`Node ${major}`, node(major), missing === undefined]),
  ["Deno", [denoProgram(), "run", "--quiet", "--allow-net=127.0.0.1", "--allow-env", "--allow-run"], true],
];

let folder: string;
let script: string;
beforeAll(async () => {
  folder = mkdtempSync(join(app, "smoke-"));
  script = join(folder, "smoke.js");
  const { code } = await transform(readFileSync(join(HERE, "smoke.ts"), "utf8"), { loader: "ts", target: "es2022" });
  writeFileSync(script, code);
  // Deno would read the project's own.
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ nodeModulesDir: "manual", lock: false }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

function start([program, ...args]: string[], ...more: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(program!, [...args, script, ...more], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => stdout += chunk);
  child.stderr.on("data", (chunk) => stderr += chunk);
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return { child, ended };
}

/** Each step with the names of those around it, as `outer/a/deep`, in no order. */
const paths = ({ steps }: WireTrace): string[] => {
  const path = ({ name, parent }: WireStep): string => parent ? `${path(steps[parent - 1]!)}/${name}` : name;
  return steps.map(path).sort();
};

function expectTraces({ stored }: IngestServer, crowd: number): void {
  const traces = new Map([...stored.values()].map((trace) => [trace.pipeline, trace]));
  expect([...traces.keys()].sort()).toEqual(
    [...Array.from({ length: crowd }, (_, n) => `crowd ${n}`), "fails", "recovers", "by hand"].sort(),
  );
  for (let n = 0; n < crowd; n++) {
    const trace = traces.get(`crowd ${n}`)!;
    expect(trace).toMatchObject({ status: "ok", update_id: n });
    const inner = ["a", "b"].flatMap((name) => [`/${name} ${n}`, `/${name} ${n}/deep ${name} ${n}`]);
    expect(paths(trace)).toEqual(["", ...inner].map((path) => `outer ${n}${path}`).sort());
  }
  const failed = { status: "error", error: "no route to the provider" };
  expect(traces.get("fails")).toMatchObject({
    ...failed,
    steps: [{ name: "llm", ...failed, model: "stand-in", input_tokens: 12 }],
    io: [{ step: 1, request: "what?", response: "that" }],
  });
  expect(traces.get("recovers")).toMatchObject({ status: "ok", steps: [failed, { name: "apology" }] });
  expect(paths(traces.get("by hand")!)).toEqual(["step", "step/inside"]);
}

test("the Nodes are the oldest that package.json names, 22 and 24", async ({ skip }) => {
  skip(missing !== undefined, missing);
  const { engines } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  const versions = await Promise.all([20, 22, 24].map(async (major) => {
    const [text] = await once(spawn(node(major)[0]!, ["--version"]).stdout, "data");
    return String(text).trim();
  }));
  expect(versions).toEqual([
    expect.stringMatching(/^v20\.12\./),
    expect.stringMatching(/^v22/),
    expect.stringMatching(/^v24/),
  ]);
  expect(engines.node).toBe(">=20.12");
});

describe.each(RUNTIMES)("%s", { timeout: 60_000 }, (_, command, comes) => {
  test("steps, crowds, failures and handles; and a process that runs out of work sends everything", async ({ skip }) => {
    skip(!comes, missing);
    const ingest = await startIngest();
    const { code, stdout, stderr } = await start(command, "end", ingest.url, ...ENTRIES).ended;
    // The step outside any trace is the one thing that it is told about.
    expect({ code, told: stderr.trim().split("\n") }).toEqual({ code: 0, told: [expect.stringContaining("outside")] });
    expect(JSON.parse(stdout)).toMatchObject({ dropped: {}, orphanSteps: 1 });
    expectTraces(ingest, 300);
  });

  test("SIGTERM: nothing is lost, and the process dies of the signal", async ({ skip }) => {
    skip(!comes, missing);
    const ingest = await startIngest();
    const { child, ended } = start(command, "signal", ingest.url);
    await Promise.race([once(child.stdout!, "data"), ended]);
    expect(ingest.stored.size).toBe(0);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ signal: "SIGTERM" });
    expectTraces(ingest, 5);
  });
});
