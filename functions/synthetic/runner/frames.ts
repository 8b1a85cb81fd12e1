/**
 * Whose code a line of a stack is.
 *
 * @module
 */

/** Modules that are part of the rehearsal, and not of the bot. */
const ROOT = import.meta.url.replace(/^file:\/\//, "").replace(/functions\/synthetic\/runner\/[^/]*$/, "");
const OURS = [
  "tracer/",
  ...["runner/", "llm/", "telegram/", "expect/", "suite/", "sleep.ts"].map((part) => `functions/synthetic/${part}`),
]
  .map((path) => ROOT + path).concat("/node_modules/tracegram/");

/** Node's and Deno's own code, such as the connections that `fetch` keeps for a while. */
const PLATFORM = /\b(?:node:|ext:)/;

export const isPlatforms = (frame: string): boolean => PLATFORM.test(frame);
export const isOurs = (frame: string): boolean => OURS.some((path) => frame.includes(path));

/** Where an error was made in the author's code, as `file:line`; undefined when no line of its stack is there. */
export function placeOf(stack: string | undefined): string | undefined {
  const frame = stack?.split("\n").find((line) =>
    /^\s+at .*:\d+:\d+\)?$/.test(line) && !isPlatforms(line) && !isOurs(line) && !line.includes("/node_modules/")
  );
  return frame && /([^\s(]+:\d+):\d+\)?$/.exec(frame)![1]!.replace(/^file:\/\//, "").replace(ROOT, "");
}
