/**
 * Whose files in a spool's directory are whose, when processes share it.
 *
 * Each process has a name made at random, and a lock file that it writes anew every ten seconds. What a process leaves behind
 * may be taken over when its lock is gone, was not renewed for a minute, or names a process that has ended on this machine.
 * A process that stood still for a minute is taken for dead: then some traces are sent twice, which the server does not mind.
 *
 * @module
 */
import { readdir, readFile, readlink, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

export const BEAT_MS = 10_000;
const STALE_MS = 60_000;

export class SpoolLock {
  readonly #dir: string;
  readonly owner: string = crypto.randomUUID();
  #where: string | undefined;
  /** When it was last renewed, by the clock of the disk: that may be another machine's. */
  #renewedAt = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  #path(owner: string): string {
    return join(this.#dir, `${owner}.lock`);
  }

  /** Renews the own lock. @throws When the directory cannot be written. */
  async beat(): Promise<void> {
    this.#where ??= await machine();
    await writeFile(this.#path(this.owner), `${process.pid} ${this.#where}`, { mode: 0o600 });
    this.#renewedAt = (await stat(this.#path(this.owner))).mtimeMs;
  }

  async release(owner = this.owner): Promise<void> {
    await unlink(this.#path(owner)).catch(() => {});
  }

  /** Names of processes that are gone, and have left files. @throws When the directory cannot be read. */
  async dead(): Promise<string[]> {
    const files = await readdir(this.#dir);
    const owners = new Set(files.flatMap((file) => /^([\da-f-]{36})\.(?:lock|\d+\.jsonl)$/.exec(file)?.[1] ?? []));
    owners.delete(this.owner);
    const dead: string[] = [];
    for (const owner of owners) if (await this.#isDead(owner)) dead.push(owner);
    return dead;
  }

  async #isDead(owner: string): Promise<boolean> {
    try {
      const [pid, where] = (await readFile(this.#path(owner), "utf8")).split(" ");
      if (where && where === this.#where && ended(Number(pid))) return true;
      return this.#renewedAt - (await stat(this.#path(owner))).mtimeMs > STALE_MS;
    } catch (error) {
      return (error as { code?: string }).code === "ENOENT";
    }
  }
}

/** The same for two processes only if they can tell by the pid that the other has ended. "": that is not known here. */
async function machine(): Promise<string> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    // In each container pids start at 1.
    return `${boot.trim()}/${await readlink("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}

function ended(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}
