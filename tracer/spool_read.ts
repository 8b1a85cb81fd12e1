/**
 * Reads a segment of a spool, as far as it can be read.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { type Item, itemOf } from "./item.ts";

/**
 * The records of a file and how many lines are none, such as the last one when a process was killed as it wrote. No file,
 * no records. @throws When there is a file that cannot be read now.
 */
export async function readSegment(path: string): Promise<{ items: Item[]; damaged: number }> {
  const items: Item[] = [];
  let damaged = 0;
  let text = "";
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      const trace = JSON.parse(line);
      if (typeof trace.trace_id !== "string") throw new TypeError("not a trace");
      items.push(itemOf(trace));
    } catch {
      damaged += 1;
    }
  }
  return { items, damaged };
}
