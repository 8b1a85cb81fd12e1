/**
 * Files that a bot gets with the global `fetch`, by the address that it makes of `getFile`: they are in memory, too.
 *
 * @module
 */
import { currentScope } from "./scope.ts";

const WATCHED = Symbol.for("tracegram.synthetic.downloads");

/** Again where somebody has replaced the global `fetch` since. */
export function watchDownloads(): void {
  const real = globalThis.fetch;
  if (WATCHED in real) return;
  const watched: typeof fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const file = currentScope()?.download(url);
    return file ? Promise.resolve(file) : real(input, init);
  };
  globalThis.fetch = Object.assign(watched, { [WATCHED]: true });
}
