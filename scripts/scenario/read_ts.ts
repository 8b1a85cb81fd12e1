/** A scenario in TypeScript: its default export. */
import { pathToFileURL } from "node:url";
import { Invalid, type Locate } from "./problem.ts";

/** @throws {Invalid} when it cannot be loaded, or exports none. */
export async function readTs(
  file: string,
  path: string,
): Promise<{ value: unknown; locate: () => Promise<Locate> }> {
  let loaded: { default?: unknown };
  try {
    loaded = await import(/* @vite-ignore */ pathToFileURL(path).href) as { default?: unknown };
  } catch (error) {
    throw new Invalid([{ file, line: 1, column: 1, message: `cannot be loaded: ${(error as Error).message}` }]);
  }
  if (loaded.default === undefined) {
    const message = "has no default export. Write `export default defineScenario({ title: …, turns: […] });`";
    throw new Invalid([{ file, line: 1, column: 1, message }]);
  }
  // The compiler takes a second to load, and is wanted only where something is wrong.
  const locate = async () => (await import("./locate_ts.ts")).locateTs(path);
  return { value: loaded.default, locate };
}
