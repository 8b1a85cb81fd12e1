/** The scenarios and recordings of a folder, read and held against the rules. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { todosOf } from "../../functions/synthetic/runner/todo.ts";
import type { Scenario } from "../../functions/synthetic/scenario.ts";
import { bySchema } from "./by_schema.ts";
import { bySense } from "./by_sense.ts";
import { nameProblem } from "./name.ts";
import { type Finding, Invalid, type Locate, pathWords, type Problem } from "./problem.ts";
import { readText } from "./read_file.ts";
import { readTs } from "./read_ts.ts";
import { readYaml } from "./read_yaml.ts";

/** functions/synthetic/ */
export const SYNTHETIC = fileURLToPath(new URL("../../functions/synthetic/", import.meta.url));
/** Of scenarios/, in which it is made. */
export const INDEX = "all.ts";

export interface ScenarioFile {
  name: string;
  /** In scenarios/. */
  file: string;
  hash: string;
  kind: "yaml" | "ts";
  scenario: Scenario;
  /** What is yet to be written. It fails until then, and holds off no other. */
  todos: Problem[];
}

export interface Folder {
  /** By name. */
  scenarios: ScenarioFile[];
  /** Names of the scenarios that have a recording. */
  recorded: string[];
}

/** @throws {Invalid} with all that is wrong in any of its files. */
export async function readFolder(dir = SYNTHETIC): Promise<Folder> {
  const problems: Problem[] = [];
  const scenarios: ScenarioFile[] = [];
  for (const file of filesIn(join(dir, "scenarios"))) {
    try {
      if (file !== INDEX) scenarios.push(await readScenario(join(dir, "scenarios"), file));
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      problems.push(...error.problems);
    }
  }
  // Names of the files that are no valid ones are taken as well.
  const names = filesIn(join(dir, "scenarios")).filter((file) => file !== INDEX).map(nameOf);
  for (const { file, name } of scenarios) {
    if (names.filter((other) => other === name).length < 2) continue;
    const message = `has the name of another file: there are two scenarios \`${name}\`. Rename or delete one.`;
    problems.push({ file: shown(join(dir, "scenarios", file)), line: 1, column: 1, message });
  }
  const recorded = filesIn(join(dir, "recordings")).map((file) => {
    problems.push(...ofRecording(join(dir, "recordings", file), names));
    return nameOf(file);
  });
  if (problems.length > 0) throw new Invalid(problems);
  return { scenarios: scenarios.sort((a, b) => a.name < b.name ? -1 : 1), recorded: recorded.sort() };
}

/** @throws {Invalid} */
export async function readScenario(dir: string, file: string): Promise<ScenarioFile> {
  const path = join(dir, file);
  const [, name = "", ending = ""] = /^(.*)\.(.*?)$/.exec(file) ?? [];
  const invalid = (message: string) => new Invalid([{ file: shown(path), line: 1, column: 1, message }]);
  if (!["yaml", "yml", "ts"].includes(ending)) throw invalid("is no scenario: those end in .yaml, .yml or .ts.");
  const unnamed = nameProblem(name);
  if (unnamed) throw invalid(`cannot be a scenario's name: ${unnamed}. Rename the file.`);

  const text = readText(shown(path), path);
  const kind = ending === "ts" ? "ts" : "yaml";
  const { value, locate } = kind === "ts" ? await readTs(shown(path), path) : readYaml(shown(path), text);
  const wrong = findings(value);
  if (wrong.length > 0) {
    const where = await locate();
    throw new Invalid(wrong.map((finding) => placed(finding, shown(path), where)));
  }
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const scenario = value as Scenario;
  const left = todosOf(scenario).map((path): Finding => {
    return { path, message: `${pathWords(path)} still says TODO. The scenario fails, unpaid, until it is written.` };
  });
  const where = left.length > 0 ? await locate() : undefined;
  const todos = left.map((finding) => placed(finding, shown(path), where!));
  return { name, file, hash, kind, scenario, todos };
}

function findings(value: unknown): Finding[] {
  const form = bySchema(value);
  return form.length > 0 ? form : [...bySense(value as Scenario)];
}

const placed = ({ path, key, message }: Finding, file: string, locate: Locate): Problem => ({
  file,
  ...locate(path, key),
  message,
});

function ofRecording(path: string, names: readonly string[]): Problem[] {
  const problem = (message: string) => [{ file: shown(path), line: 1, column: 1, message }];
  const name = nameOf(path.split("/").at(-1)!);
  if (!path.endsWith(".json")) return problem("is no recording: those end in .json.");
  if (!names.includes(name)) return problem(`is of no scenario: there is no \`${name}\`. Rename or delete it.`);
  let calls: unknown;
  try {
    calls = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    return problem(`is no JSON: ${(error as Error).message}. ${anew(name)}`);
  }
  const isCall = (call: { key?: unknown; nth?: unknown } | null) =>
    /^[0-9a-f]{64}$/.test(String(call?.key)) && Number.isInteger(call?.nth);
  return Array.isArray(calls) && calls.every(isCall)
    ? []
    : problem(`is no list of recorded calls, each with its key and nth. ${anew(name)}`);
}

/** A recording is added to what is there, so that it has to go first. */
const anew = (name: string) =>
  `Take it from git; or delete it, and record it anew: npm run synthetic -- release ${name} --record`;

export function filesIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).filter((file) => !file.startsWith(".")).sort();
}

export const nameOf = (file: string): string => file.replace(/\.[^.]*$/, "");

/** From where the person is. */
export const shown = (path: string): string => relative(process.cwd(), path);
