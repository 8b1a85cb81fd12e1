/**
 * Whose code is running: what a scenario's bot does, however late, is told from what others do at the same time.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** What a scenario's bot has left running, and what nobody has caught of it. */
export interface Scope {
  /** Timers that have not gone off, by their handle. */
  timers: Map<unknown, PendingTimer>;
  /** Errors that nobody has caught: rejections, and what a timer's callback has thrown. */
  uncaught: unknown[];
  /** The scenario is over: nothing more is kept. */
  over: boolean;
  /** A file of Telegram's, by its address; undefined: it is none. */
  download(url: string): Promise<Response> | undefined;
}

export interface PendingTimer {
  kind: "setTimeout" | "setInterval" | "setImmediate";
  ms: number;
  clear(): void;
}

const scopes = new AsyncLocalStorage<Scope>();
/** Those that are not over. */
const open = new Set<Scope>();

export function openScope(download: Scope["download"]): Scope {
  const scope: Scope = { timers: new Map(), uncaught: [], over: false, download };
  open.add(scope);
  return scope;
}

/** Clears what is left. */
export function closeScope(scope: Scope): void {
  for (const timer of scope.timers.values()) timer.clear();
  scope.timers.clear();
  scope.over = true;
  open.delete(scope);
}

export const inScope = <T>(scope: Scope, fn: () => T): T => scopes.run(scope, fn);

export const currentScope = (): Scope | undefined => scopes.getStore();

/** Whose a timer is that is told by its number alone, and its handle. */
export function timerOf(number: number): [Scope, unknown] | undefined {
  for (const scope of open) {
    for (const handle of scope.timers.keys()) if (Number(handle) === number) return [scope, handle];
  }
  return undefined;
}

/** Of an error that came without its context, where there is only one whose it can be. */
export const onlyScope = (): Scope | undefined => open.size === 1 ? [...open][0] : undefined;
