/** Writes the file of a new scenario. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../stack/failure.ts";
import { filesIn, nameOf, shown } from "./folder.ts";
import { nameProblem } from "./name.ts";

/** @throws {Failure} when the name is none, or is taken. */
export function checkName(dir: string, name: string): void {
  const problem = nameProblem(name);
  if (problem) {
    throw new Failure(`\`${name}\` cannot be a scenario's name: ${problem}.`, "Take another, such as `late-parcel`.");
  }
  const taken = filesIn(join(dir, "scenarios")).find((file) => nameOf(file) === name);
  if (taken) {
    throw new Failure(
      `${shown(join(dir, "scenarios", taken))} is there already.`,
      "Take another name, or delete that file first.",
    );
  }
}

/** Returns its path. @throws {Failure} as `checkName`. */
export function writeScenario(dir: string, name: string, ending: "yaml" | "ts", text: string): string {
  checkName(dir, name);
  mkdirSync(join(dir, "scenarios"), { recursive: true });
  const path = join(dir, "scenarios", `${name}.${ending}`);
  writeFileSync(path, text, { flag: "wx" });
  return path;
}
