/**
 * The last flush of a process: on SIGTERM and SIGINT, when Node or Deno runs out of work, and when an edge runtime stops.
 *
 * @module
 */

import { platformWaitUntil } from "./platform.ts";

/** What has to be sent before the process may end. */
export interface Exiting {
  stats(): { queued: number };
  flush(options: { timeoutMs: number }): Promise<boolean>;
  /** Aborts a request that hangs: it would keep the process alive. */
  halt(): void;
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

/** The part of an edge runtime's global object that is used; Deno has it too. */
interface Scope {
  process?: Process;
  addEventListener?(event: string, listener: (event: Event) => void): void;
  removeEventListener?(event: string, listener: (event: Event) => void): void;
}

const scope: Scope = globalThis;
const { process } = scope;

/** Longest that the end of the process is held up. */
const LIMIT = { timeoutMs: 2000 };
const EXIT_CODES: Record<string, number> = { SIGTERM: 143, SIGINT: 130 };

/** The first one also comes first to go: it must not take the others for an app's. */
const LISTENERS: [event: string, listener: (arg: string) => void][] = [
  ["removeListener", onRemoveListener],
  ["beforeExit", onLast],
  ["SIGTERM", onSignal],
  ["SIGINT", onSignal],
];

const all = new Set<Exiting>();
/** Events whose listeners have just left: an app's `once` has left when its turn came before ours. */
const left = new Set<string>();
let dying = false;
let gaveUp = false;

/** Flushes `tracer` before the process ends. Returns the way back. Where nothing tells of the end, does nothing. */
export function flushOnExit(tracer: Exiting): () => void {
  if (all.size === 0) listen();
  all.add(tracer);
  return () => {
    if (all.delete(tracer) && all.size === 0) unlisten();
  };
}

function listen(): void {
  try {
    scope.addEventListener?.("beforeunload", onLast);
    for (const [event, listener] of LISTENERS) process?.on?.(event, listener);
  } catch {
    // A runtime without signals. There the author gives `waitUntil`, or calls `flush()`.
  }
}

function unlisten(): void {
  scope.removeEventListener?.("beforeunload", onLast);
  for (const [event, listener] of LISTENERS) process?.removeListener?.(event, listener);
}

function onRemoveListener(event: string): void {
  if (!(event in EXIT_CODES)) return;
  left.add(event);
  setTimeout(() => left.delete(event), 0);
}

function onSignal(signal: string): void {
  if (process!.listenerCount(signal) > 1 || left.has(signal)) {
    // The app ends itself, in its own time; `beforeExit` gets what comes until then.
    for (const tracer of all) void flush(tracer);
  } else if (dying) {
    // A second Ctrl-C means now.
    die(signal);
  } else {
    dying = true;
    void Promise.all([...all].map((tracer) => tracer.close(LIMIT))).then(() => die(signal));
  }
}

async function flush(tracer: Exiting): Promise<boolean> {
  const sent = await tracer.flush(LIMIT);
  if (!sent) {
    gaveUp = true;
    tracer.halt();
  }
  return sent;
}

/** Dies as if nobody had listened. */
function die(signal: string): void {
  unlisten();
  try {
    process!.kill(process!.pid, signal);
  } catch {
    // Deno without the permission to send signals.
    process!.exit(EXIT_CODES[signal]!);
  }
}

/** `beforeExit`, or the event `beforeunload`. */
function onLast(event: unknown): void {
  // Comes again whenever the work it has caused is done.
  const waiting = gaveUp ? [] : [...all].filter((tracer) => tracer.stats().queued > 0);
  if (waiting.length === 0) return;
  const sent = Promise.all(waiting.map(flush));
  try {
    // Deno itself goes on as long as there is work; an edge runtime, as long as it is asked to.
    (event as Event).preventDefault?.();
    platformWaitUntil()?.(sent);
  } catch {
    // Then this is as long as it takes.
  }
}
