/**
 * npm run check: everything that can be said about the code without running it.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { denoProgram } from "./stack/functions.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const deno = denoProgram();
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const tracer = readdirSync(join(ROOT, "tracer")).filter((name) => name.endsWith(".ts")).map((name) => `tracer/${name}`);
const denoEntries = readdirSync(join(ROOT, "functions"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) =>
    readdirSync(join(ROOT, "functions", name)).includes("index.ts") ? [`functions/${name}/index.ts`] : []
  );

const CHECKS: { name: string; command: string[]; todo: string }[] = [
  { name: "format", command: [deno, "fmt", "--check"], todo: "npm run format" },
  { name: "lint", command: [deno, "lint"], todo: "change the code, or ignore the rule with its reason" },
  { name: "tsc", command: [process.execPath, tsc], todo: "change the code" },
  {
    name: "deno check",
    command: [deno, "check", ...tracer, ...denoEntries],
    todo: "change the code",
  },
  {
    name: "migration",
    command: [process.execPath, ...process.execArgv, "scripts/migration.ts", "--check"],
    todo: "npm run migration",
  },
  {
    name: "wire schema",
    command: [process.execPath, ...process.execArgv, "scripts/docs_wire.ts", "--check"],
    todo: "npm run docs:wire",
  },
  {
    name: "scenario schema",
    command: [process.execPath, ...process.execArgv, "scripts/docs_scenario.ts", "--check"],
    todo: "npm run docs:scenario",
  },
  {
    name: "scenarios",
    command: [process.execPath, ...process.execArgv, "scripts/scenario.ts", "index", "--check"],
    todo: "change the scenarios, then npm run scenario -- index",
  },
  {
    name: "picture assets",
    command: [process.execPath, ...process.execArgv, "scripts/picture_assets.ts", "--check"],
    todo: "npm run assets",
  },
];

/** Runs a check; resolves to what it printed when it failed. */
function run([program, ...args]: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program!, args, {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_DIR: join(ROOT, ".stack/deno") },
    });
    let output = "";
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? undefined : output.trim()));
  });
}

for (const { name, command, todo } of CHECKS) {
  const failure = await run(command);
  console.log(`${failure === undefined ? "ok" : "FAILED"}  ${name}`);
  if (failure !== undefined) {
    console.error(`\n${failure}\n\nWhat to do: ${todo}\n`);
    process.exitCode = 1;
  }
}
