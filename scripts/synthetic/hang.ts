/**
 * Ends this process when a scenario's code holds its event loop: by then no timeout and no Ctrl-C is heard.
 *
 * @module
 */
import inspector from "node:inspector";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/** What the watching thread is told: who runs, and until when (ms since the epoch) each may. */
export type Watched = readonly (readonly [name: string, until: number])[];

const BEAT_MS = 100;
/** A thread does not get the loader of TypeScript that this one has. */
const START = `require("tsx/cjs/api").register(); require(require("node:worker_threads").workerData.module);`;
const MODULE = fileURLToPath(new URL("hang_watch.ts", import.meta.url));

/** Runs what it is given under watch. The thread that watches is started by the first. */
export function openHangWatch() {
  const running = new Map<symbol, readonly [string, number]>();
  const beats = new Int32Array(new SharedArrayBuffer(4));
  let watcher: Worker | undefined;
  const tell = () => watcher?.postMessage([...running.values()] satisfies Watched);

  function start(): void {
    // Whoever debugs holds it too.
    if (watcher || inspector.url()) return;
    watcher = new Worker(START, { eval: true, workerData: { beats, module: MODULE } });
    watcher.on("error", (error) => process.emitWarning(`Nobody watches for code that never awaits: ${error.message}`));
    watcher.unref();
    setInterval(() => {
      Atomics.add(beats, 0, 1);
      Atomics.notify(beats, 0);
    }, BEAT_MS).unref();
  }

  return async function watch<T>(name: string, limitMs: number, run: () => Promise<T>): Promise<T> {
    start();
    const key = Symbol(name);
    running.set(key, [name, Date.now() + limitMs]);
    tell();
    try {
      return await run();
    } finally {
      running.delete(key);
      tell();
    }
  };
}
