/**
 * The global timers, wrapped once in a process: they do what they did, and those of a scenario's bot are known.
 *
 * @module
 */
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { isOurs, isPlatforms } from "./frames.ts";
import { currentScope, type PendingTimer, type Scope, timerOf } from "./scope.ts";

type Kind = PendingTimer["kind"];
// deno-lint-ignore no-explicit-any -- whatever a platform's timers take and return
type Any = any;

/** The platform's own, for the runner. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const WRAPPED = Symbol.for("tracegram.synthetic.timers");

/** Whose a timer is: it may be cleared from elsewhere. */
const owners = new WeakMap<object, Scope>();

export function watchTimers(): void {
  const globals = globalThis as Any;
  if (globals[WRAPPED]) return;
  Object.defineProperty(globals, WRAPPED, { value: true });
  wrap(globals, "setTimeout", "clearTimeout");
  wrap(globals, "setInterval", "clearInterval");
  if (typeof globals.setImmediate === "function") wrap(globals, "setImmediate", "clearImmediate");
  if (!("Deno" in globals)) watchModules(globals);
}

/** Those of `node:timers` and `node:timers/promises`. Deno's cannot be replaced. */
function watchModules(globals: Any): void {
  for (const name of Object.keys(timers).filter((name) => /^(?:set|clear)/.test(name))) {
    (timers as Any)[name] = globals[name];
  }
  const { setTimeout: wait } = timersPromises;
  (timersPromises as Any).setTimeout = function watched(ms?: number, value?: unknown, options: Any = {}) {
    const scope = currentScope();
    if (!scope || ofOurs()) return wait(ms, value, options);
    const ending = new AbortController();
    const { signal } = options ?? {};
    const either = signal instanceof AbortSignal ? AbortSignal.any([signal, ending.signal]) : signal ?? ending.signal;
    const waiting = wait(ms, value, { ...options, signal: either });
    const handle = {};
    scope.timers.set(handle, { kind: "setTimeout", ms: Number(ms) || 0, clear: () => ending.abort() });
    if (scope.over) ending.abort();
    const done = () => scope.timers.delete(handle);
    waiting.then(done, done);
    return waiting;
  };
  syncBuiltinESMExports();
}

function wrap(globals: Any, kind: Kind, clearKind: string): void {
  const set = globals[kind];
  const clear = globals[clearKind];

  function watched(callback: Any, ...rest: Any[]): Any {
    const scope = currentScope();
    if (!scope || typeof callback !== "function" || ofOurs()) return set(callback, ...rest);
    const run = (...args: Any[]) => {
      if (kind !== "setInterval") scope.timers.delete(handle);
      try {
        callback(...args);
      } catch (error) {
        // It would end the process.
        if (!scope.over) scope.uncaught.push(error);
      }
    };
    const handle = set(run, ...rest);
    const timer = { kind, ms: kind === "setImmediate" ? 0 : Number(rest[0]) || 0, clear: () => clear(handle) };
    // A handler that nobody could stop may go on after its scenario: its timers do not.
    if (scope.over) timer.clear();
    else scope.timers.set(handle, timer);
    if (typeof handle === "object") owners.set(handle, scope);
    return handle;
  }
  /** Timers of some platforms are numbers, which Node takes too; and each of the two functions clears what the other has set. */
  function watchedClear(handle?: Any): void {
    const isNumber = typeof handle === "number" || typeof handle === "string";
    const [scope = undefined, own = handle] = isNumber ? timerOf(Number(handle)) ?? [] : [owners.get(handle)];
    scope?.timers.delete(own);
    return clear(handle);
  }
  globals[kind] = Object.defineProperties(watched, own(set));
  globals[clearKind] = Object.defineProperties(watchedClear, own(clear));
}

/** With what `util.promisify` looks for. */
const own = (fn: Any): PropertyDescriptorMap => {
  const { prototype: _, ...rest } = Object.getOwnPropertyDescriptors(fn) as PropertyDescriptorMap;
  return rest;
};

/** Whether the one who sets the timer is the platform, the tracer, or belongs to the runner. */
function ofOurs(): boolean {
  // Error, ofOurs, watched, and the caller.
  const caller = new Error().stack?.split("\n")[3] ?? "";
  return isPlatforms(caller) || isOurs(caller);
}
