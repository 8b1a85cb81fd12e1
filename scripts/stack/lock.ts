/** One at a time, also among processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Runs `fn` while no other process holds the lock of this file. The kernel frees it with its holder, also after a crash. */
export async function withLock<T>(file: string, fn: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const lock = openSync(file, "w", 0o600);
  try {
    // The lock is the open file's, which `flock` shares with us, so it outlives that process.
    const [code] = await once(
      spawn("flock", ["--exclusive", "3"], { stdio: ["ignore", "ignore", "inherit", lock] }),
      "exit",
    );
    if (code !== 0) throw new Error(`flock ${file} failed`);
    return await fn();
  } finally {
    closeSync(lock);
  }
}
