/** What a terminal runs: the scenarios of this folder, their recordings, and the bot. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BotUnderTest } from "../../functions/synthetic/define.ts";
import type { Recorded } from "../../functions/synthetic/llm/ports.ts";
import type { runScenario } from "../../functions/synthetic/runner/run_scenario.ts";
import type { NamedScenario } from "../../functions/synthetic/scenario.ts";
import { mergedRecordings } from "../../functions/synthetic/suite/recordings.ts";

export interface Suite {
  scenarios: readonly NamedScenario[];
  bot: BotUnderTest;
  /** Folder of the recordings, a file for each scenario. */
  recordingsDir: string;
  /** Told when files of that folder have changed. */
  recorded?: () => Promise<unknown>;
  runScenario: typeof runScenario;
}

export function readRecordings(dir: string, scenario: string): Recorded[] {
  const file = fileOf(dir, scenario);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) as Recorded[] : [];
}

/** Adds to what is there. Resolves to the file, if it is another one now. */
export function writeRecordings(dir: string, scenario: string, added: readonly Recorded[]): string | undefined {
  const file = fileOf(dir, scenario);
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const after = `${JSON.stringify(mergedRecordings(readRecordings(dir, scenario), added), null, 2)}\n`;
  if (added.length === 0 || after === before) return undefined;
  mkdirSync(dir, { recursive: true });
  // Never half of it: it was paid for.
  writeFileSync(`${file}.new`, after);
  renameSync(`${file}.new`, file);
  return file;
}

function fileOf(dir: string, scenario: string): string {
  // Names come from a database, too.
  if (!/^[\w-]{1,80}$/.test(scenario)) throw new Error(`${JSON.stringify(scenario)} is not a scenario's name`);
  return join(dir, `${scenario}.json`);
}
