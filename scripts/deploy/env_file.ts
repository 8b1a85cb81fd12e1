/** Keeps a setting that was made here, for no service tells a secret again. */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

/** Sets `name` in the file, which only its owner can read from then on. All else in it stays. */
export function keepInEnvFile(file: string, name: string, value: string): void {
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const empty = new RegExp(`^${name}=[ \\t]*$`, "m");
  const line = `${name}=${value}`;
  const after = empty.test(before)
    ? before.replace(empty, line)
    : `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${line}\n`;
  // Never less readable than it was to its owner, and never for a moment readable to others.
  const mode = existsSync(file) ? statSync(file).mode & 0o600 : 0o600;
  const next = `${file}.${process.pid}.new`;
  writeFileSync(next, after, { mode, flag: "wx" });
  renameSync(next, file);
}
