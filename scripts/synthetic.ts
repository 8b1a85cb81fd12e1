/**
 * npm run synthetic: synthetic tests in this terminal, live or replayed.
 *
 * @module
 */
import { Console } from "node:console";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Redactor } from "./deploy/redact.ts";
import { connect } from "./scenario/connect.ts";
import { STACK_DIR } from "./stack/stack.ts";
import { load } from "./synthetic/load.ts";
import { main } from "./synthetic/main.ts";
import { processTerminal } from "./synthetic/terminal.ts";

const argv = process.argv.slice(2);
const redactor = new Redactor();
const interrupted = new AbortController();
let signals = 0;
function interrupt(): void {
  // Whoever presses twice does not want to wait for the report. What is under way counts as spent, and the run can be stopped.
  if (++signals > 1) process.exit(130);
  interrupted.abort(new Error("interrupted"));
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
// Nobody reads any more what it says, such as `head` that has seen enough: nobody knows then what is being spent. Told of each
// write, so it is not counted.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => interrupted.abort(error));
}
// Bots print. What they print is no part of the report.
if (!process.stdout.isTTY) globalThis.console = new Console(process.stderr, process.stderr);
if (existsSync(".env")) process.loadEnvFile(".env");

const code = await main(argv, {
  env: process.env,
  terminal: processTerminal((text) => redactor.redact(text), interrupt),
  load,
  connect: (options) => connect(process.env, redactor, options),
  tokensDir: join(STACK_DIR, "synthetic"),
  hide: (name, secret) => void redactor.add(name, secret),
  signal: interrupted.signal,
});
// A bot may have left something running.
process.stdout.write("", () => process.exit(code));
