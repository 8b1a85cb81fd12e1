/** The report, to a person and into files. */
import { closeSync, existsSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type Args, Refusal } from "./args.ts";
import type { SuiteReport } from "./report.ts";
import { junitReport } from "./report_junit.ts";
import { painter, textReport } from "./report_text.ts";
import type { Terminal } from "./terminal.ts";

/** Known before anything is paid for. */
export function mustBeWritable(file: string): void {
  try {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error("it is a folder");
    const isNew = !existsSync(file);
    // Whoever may do anything can still not write everywhere.
    closeSync(openSync(file, "a"));
    if (isNew) rmSync(file);
  } catch (error) {
    throw new Refusal(cannotBeWritten(file, error));
  }
}

const cannotBeWritten = (file: string, error: unknown) => `${file} cannot be written: ${(error as Error).message}`;

/** @throws {Refusal} when a file cannot be written. All else was told by then. */
export function tell(report: SuiteReport, { junit, json }: Pick<Args, "junit" | "json">, terminal: Terminal): void {
  const text = textReport(report, painter(terminal.colours));
  const asJson = `${JSON.stringify(report, null, 2)}\n`;
  terminal[json === "-" ? "err" : "out"](text);
  if (json === "-") terminal.out(asJson);
  // Last, and each by itself: a file that cannot be written takes nothing else away.
  const problems = [
    ...json && json !== "-" ? write(json, asJson) : [],
    ...junit ? write(junit, junitReport(report)) : [],
  ];
  if (problems.length > 0) throw new Refusal(problems.join("\n"));
}

/** Returns what is wrong. */
function write(file: string, text: string): string[] {
  try {
    writeFileSync(file, text);
    return [];
  } catch (error) {
    return [cannotBeWritten(file, error)];
  }
}
