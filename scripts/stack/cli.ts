/**
 * npm run stack -- up | down | status | reset
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Failure } from "./failure.ts";
import { installPostgres } from "./postgres.ts";
import { hasEnded, isAlive } from "./processes.ts";
import { changedSettings, readSettings } from "./settings.ts";
import { POSTGRES_DIR, stackDir } from "./stack.ts";
import { deadParts, readState } from "./state.ts";
import type { SupervisorMessage } from "./supervisor.ts";

const HELP =
  `The local stack: Postgres 17 with pg_cron and pg_partman, PostgREST, the edge functions, and a Telegram to chat in.

  npm run stack -- up               start it and leave it running; does nothing when it runs
  npm run stack -- down             stop it; the data stays
  npm run stack -- status           what runs, and where; exit code 0 when all of it runs, 3 otherwise
  npm run -s stack -- status --json the addresses and keys, as one line of JSON
  npm run stack -- reset            stop it and delete its data, secrets and logs

Settings are environment variables, also from a file .env; .env.example says what each means.
Everything listens on 127.0.0.1 and lives in .stack/.`;

const NOT_RUNNING = 3;

/** Grey on a terminal, plain elsewhere. */
const dim = (text: string) => process.stdout.isTTY && !process.env["NO_COLOR"] ? `\x1b[2m${text}\x1b[0m` : text;

async function up(): Promise<void> {
  const state = readState(stackDir());
  if (state?.info) {
    const ended = deadParts(state);
    const changed = changedSettings(state.settings, readSettings(process.env));
    if (ended.length + changed.length === 0) {
      console.log("The stack is running already.\n");
      return status([]);
    }
    const why = [...ended.map((name) => `${name} has ended`), ...changed.map((name) => `${name} has changed`)];
    console.log(`${why.join(", ")}: starting all of it again …`);
    await down();
  }
  const began = Date.now();
  await installPostgres(POSTGRES_DIR, (line) => console.log(line));
  await startSupervisor();
  console.log(`Up after ${((Date.now() - began) / 1000).toFixed(1)} s.\n`);
  await status([]);
}

function startSupervisor(): Promise<void> {
  const logFile = join(stackDir(), "supervisor.log");
  mkdirSync(stackDir(), { recursive: true });
  const log = openSync(logFile, "a");
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL("supervisor.ts", import.meta.url))],
    { detached: true, stdio: ["ignore", log, log, "ipc"] },
  );
  return new Promise((resolve, reject) => {
    child.on("message", (message: SupervisorMessage) => {
      if ("say" in message) console.log(message.say);
      else if ("failed" in message) {
        reject(new Failure(message.failed.message, message.failed.todo ?? `See ${logFile}.`));
      } else {
        // From here on the stack stays: a Ctrl-C now comes too late, and must not look as if it had stopped it.
        process.on("SIGINT", () => {});
        child.send("kept", () => {
          child.disconnect();
          child.unref();
          resolve();
        });
      }
    });
    child.once("exit", () => reject(new Failure("The stack did not start.", `See ${logFile}.`)));
  });
}

async function down(): Promise<void> {
  const state = readState(stackDir());
  if (!state) return console.log("The stack is not running.");
  process.kill(state.owner.pid, "SIGTERM");
  if (!await hasEnded(state.owner, 20_000)) {
    throw new Failure(
      `Process ${state.owner.pid} (${state.started_by}) does not end.`,
      `End it: kill -9 ${state.owner.pid}`,
    );
  }
  console.log("Stopped.");
}

function status(flags: string[]): void {
  const state = readState(stackDir());
  const dead = state ? deadParts(state) : [];
  if (!state?.info || dead.length > 0) process.exitCode = NOT_RUNNING;

  if (flags.includes("--json")) {
    return console.log(JSON.stringify({ running: Boolean(state?.info) && dead.length === 0, ...state?.info }));
  }
  if (!state) return console.log("The stack is not running. Start it: npm run stack -- up");
  if (!state.info) return console.log(`The stack is starting (process ${state.owner.pid}).`);
  const { info } = state;
  const isLocal = info.telegram_api_root === info.telegram_url;
  const rows: [string, string][] = [
    isLocal
      ? ["Telegram, in a browser", info.telegram_url]
      : ["Bot API", `${info.telegram_api_root} (TELEGRAM_API_ROOT)`],
    ["API", info.api_url],
    ...Object.entries(info.functions).map(([name, url]): [string, string] => [`function ${name}`, url]),
    ["database", info.db_url],
    ["ingest key", info.ingest_key],
    ["started by", `${state.started_by}, process ${state.owner.pid}`],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(24)}${value}`);
  for (const part of state.parts) {
    console.log(dim(`${part.name.padEnd(24)}${isAlive(part) ? `process ${part.pid}` : "ENDED"}, log ${part.log}`));
  }
  if (!isLocal) {
    console.log(
      `\nThe webhook is not set there: whoever stands in for Telegram posts updates to ${info.functions["telegram"]}`,
    );
    console.log("with the header X-Telegram-Bot-Api-Secret-Token (webhook_secret of status --json).");
  }
  console.log(dim("\nKeys for scripts: npm run -s stack -- status --json"));
}

async function reset(): Promise<void> {
  if (readState(stackDir())) await down();
  rmSync(stackDir(), { recursive: true, force: true });
  console.log("The stack's data, secrets and logs are deleted. The installed programs stay.");
}

const COMMANDS: Record<string, (flags: string[]) => void | Promise<void>> = { up, down, status, reset };

const [command = "", ...flags] = process.argv.slice(2);
const wantsHelp = [command, ...flags].some((word) => ["--help", "-h", "help"].includes(word));
const run = COMMANDS[command];
const unknown = run ? flags.filter((flag) => !(command === "status" && flag === "--json")) : [command];
if (wantsHelp || command === "") {
  console.log(HELP);
  process.exitCode = wantsHelp ? 0 : 2;
} else if (!run || unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(" ")}\n\n${HELP}`);
  process.exitCode = 2;
} else {
  try {
    if (existsSync(".env")) process.loadEnvFile(".env");
    await run(flags);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`${error.message}\n${error.todo}`);
    process.exitCode = 1;
  }
}
