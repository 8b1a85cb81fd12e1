/**
 * The last flush of a process: on SIGTERM and SIGINT, and when Node or Deno runs out of work.
 *
 * @module
 */

/** What has to be sent before the process may end. */
export interface Exiting {
  stats(): { queued: number };
  flush(options: { timeoutMs: number }): Promise<boolean>;
  close(options: { timeoutMs: number }): Promise<boolean>;
}

/** The part of Node's `process` that is used; Deno has it too, browsers and some edge runtimes do not. */
interface Process {
  pid: number;
  on(event: string, listener: (arg: string) => void): unknown;
  removeListener(event: string, listener: (arg: string) => void): unknown;
  listenerCount(event: string): number;
  kill(pid: number, signal: string): unknown;
  exit(code: number): never;
}

const { process } = globalThis as { process?: Process };

/** Longest that the end of the process is held up. */
const LIMIT = { timeoutMs: 2000 };
const EXIT_CODES: Record<string, number> = { SIGTERM: 143, SIGINT: 130 };

const all = new Set<Exiting>();
/** Events whose listeners have just left: an app's `once` has left when its turn came before ours. */
const left = new Set<string>();
let dying = false;
let gaveUp = false;

/** Flushes `tracer` before the process ends. Returns the way back. Where there is no process, does nothing. */
export function flushOnExit(tracer: Exiting): () => void {
  if (typeof process?.on !== "function") return () => {};
  if (all.size === 0) listen(process);
  all.add(tracer);
  return () => {
    if (all.delete(tracer) && all.size === 0) unlisten(process);
  };
}

function listen(process: Process): void {
  try {
    for (const signal in EXIT_CODES) process.on(signal, onSignal);
    process.on("beforeExit", onBeforeExit);
    process.on("removeListener", onRemoveListener);
  } catch {
    // A runtime without signals. There the author gives `waitUntil`, or calls `flush()`.
  }
}

function unlisten(process: Process): void {
  process.removeListener("removeListener", onRemoveListener);
  process.removeListener("beforeExit", onBeforeExit);
  for (const signal in EXIT_CODES) process.removeListener(signal, onSignal);
}

function onRemoveListener(event: string): void {
  if (!(event in EXIT_CODES)) return;
  left.add(event);
  setTimeout(() => left.delete(event), 0);
}

function onSignal(signal: string): void {
  if (process!.listenerCount(signal) > 1 || left.has(signal)) {
    // The app ends itself, in its own time; `beforeExit` gets what comes until then.
    for (const tracer of all) void tracer.flush(LIMIT);
  } else if (dying) {
    // A second Ctrl-C means now.
    die(signal);
  } else {
    dying = true;
    void Promise.all([...all].map((tracer) => tracer.close(LIMIT))).then(() => die(signal));
  }
}

/** Dies as if nobody had listened. */
function die(signal: string): void {
  unlisten(process!);
  try {
    process!.kill(process!.pid, signal);
  } catch {
    // Deno without the permission to send signals.
    process!.exit(EXIT_CODES[signal]!);
  }
}

async function onBeforeExit(): Promise<void> {
  // Comes again whenever the work it has caused is done.
  if (gaveUp) return;
  const waiting = [...all].filter((tracer) => tracer.stats().queued > 0);
  const delivered = await Promise.all(waiting.map((tracer) => tracer.flush(LIMIT)));
  gaveUp = delivered.includes(false);
}
