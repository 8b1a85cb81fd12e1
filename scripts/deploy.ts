/**
 * npm run deploy: all of Tracegram to a hosted Supabase project, and the bot's side at Telegram.
 *
 * @module
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { deploy } from "./deploy/deployment.ts";
import { Redactor } from "./deploy/redact.ts";
import { Report } from "./deploy/report.ts";
import { readSettings } from "./deploy/settings.ts";

const HELP =
  `Deploys Tracegram to your Supabase project: database, functions, secrets, alerts, the bot's webhook and commands;
then a trace is sent and a button pressed, to see it work. Run it again at any time, also after it was broken off.

  npm run deploy                    exit code 0 when all of it works, 1 when not, 130 after Ctrl-C
  npm run deploy -- --dry-run       says what it would do, and changes nothing
  npm run deploy -- --wait 120      seconds that what was deployed may take to be what answers; 60 unless said

Settings are environment variables, also from a file .env; .env.example says what each means.`;

const INTERRUPTED = 130;

function readArgs() {
  const { values } = parseArgs({
    options: {
      "dry-run": { type: "boolean", default: false },
      wait: { type: "string", default: "60" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (!/^\d{1,4}$/.test(values.wait)) throw new Error(`--wait takes seconds, not ${values.wait}`);
  return { dryRun: values["dry-run"], waitMs: Number(values.wait) * 1000, help: values.help };
}

async function main(dryRun: boolean, waitMs: number): Promise<number> {
  const redactor = new Redactor();
  const colours = Boolean(process.stdout.isTTY) && !process.env["NO_COLOR"];
  const report = new Report(redactor, { colours, write: (text) => void process.stdout.write(text) });
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.abort());

  const home = mkdtempSync(join(tmpdir(), "tracegram-deploy-"));
  const began = performance.now();
  try {
    if (existsSync(".env")) process.loadEnvFile(".env");
    const settings = await readSettings(process.env, redactor);
    await deploy(settings, redactor, report, { dryRun, waitMs, home, signal: interrupted.signal });
    if (!dryRun) report.say(`\nDeployed in ${((performance.now() - began) / 1000).toFixed(0)} s.`);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) {
      report.say("\nBroken off. Run npm run deploy again: it goes on from whatever was done.");
      return INTERRUPTED;
    }
    report.failure(error);
    return 1;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

try {
  const { help, dryRun, waitMs } = readArgs();
  if (help) console.log(HELP);
  // A request that was broken off may still be open.
  else process.exit(await main(dryRun, waitMs));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${HELP}`);
  process.exitCode = 2;
}
