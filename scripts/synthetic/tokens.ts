/** What lets a terminal go on with a run of its own. The database tells it once, and keeps only its hash. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunKey } from "../../functions/_shared/synthetic_db.ts";

export interface KeptRun extends RunKey {
  /** Whether it was begun with `--record`. */
  record: boolean;
}

/** @param dir Which nobody else can read. */
export function keepToken(dir: string, run: KeptRun): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dir, run.run_id), JSON.stringify(run), { mode: 0o600 });
}

export function readToken(dir: string, run_id: string): KeptRun | undefined {
  const file = join(dir, run_id);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) as KeptRun : undefined;
}

export const forgetToken = (dir: string, run_id: string): void => rmSync(join(dir, run_id), { force: true });
