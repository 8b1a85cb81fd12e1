/**
 * The entry `tracegram/spool`: keeps what is not yet sent on disk, for bots that run long on Node or Deno.
 *
 * Records are written to segment files as JSON lines, each a `WireTrace`, when they are serialised: within `flushIntervalMs`. A
 * segment is deleted when all of it is with the server. Its records are in memory as well, or, when that is full, on disk only
 * until they fit again. What a process leaves behind, the next one sends. The page cache is trusted: this survives the end of
 * the process in any way, not that of the machine's power.
 *
 * @module
 */
import { DiskSpool } from "./spool_disk.ts";
import type { OpenSpool } from "./spooling.ts";

/** Where the spool is, and how large it may become. */
export interface DiskSpoolOptions {
  /** Directory; made when it is missing. Several processes may share it, also through a network disk. */
  dir: string;
  /** Bytes on disk; beyond it the oldest traces are dropped, as `spool_full`. @default 268435456 */
  maxBytes?: number;
}

/**
 * A spool on disk: `createTracer({ url, key, spool: diskSpool({ dir: "/var/lib/mybot/traces" }) })`.
 *
 * Files can be read by their owner only; they hold what would be sent, masked already. When the disk fails, the tracer goes on
 * in memory, tells `onError` once (code `spool`), and tries the disk again every ten seconds. Deno needs `--allow-read` and
 * `--allow-write` for `dir`; without `--allow-all` what a killed process has left is found after a minute.
 */
export function diskSpool({ dir, maxBytes = 256 * 1024 * 1024 }: DiskSpoolOptions): OpenSpool {
  return (host) => new DiskSpool(dir, maxBytes, host);
}
