/**
 * Rejections that nobody has caught: those of a scenario's bot fail the scenario, all others do what they did.
 *
 * @module
 */
import process from "node:process";
import { currentScope, onlyScope } from "./scope.ts";

let watching = false;

/** Once in a process. */
export function watchRejections(): void {
  if (watching) return;
  watching = true;
  // Deno has the event of browsers, Node its own.
  if (typeof globalThis.addEventListener === "function") {
    globalThis.addEventListener("unhandledrejection", (event) => {
      if (taken((event as PromiseRejectionEvent).reason)) event.preventDefault();
    });
    return;
  }
  process.on("unhandledRejection", (reason) => {
    // As if nobody listened: it ends the process.
    if (!taken(reason) && process.listenerCount("unhandledRejection") === 1) throw reason;
  });
}

function taken(reason: unknown): boolean {
  const scope = currentScope() ?? onlyScope();
  // What comes after a scenario's end was reported as what it left, or is of no account any more.
  if (scope && !scope.over) scope.uncaught.push(reason);
  return scope !== undefined;
}
