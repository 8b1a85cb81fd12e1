/** The text of a scenario's file. */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { Invalid } from "./problem.ts";

/** No conversation is longer, and all of them are uploaded with the function. */
const MAX_KB = 256;

/** @param file As it is shown. @throws {Invalid} when it cannot be read, is too large, or is not UTF-8. */
export function readText(file: string, path: string): string {
  const bytes = readBytes(file, path);
  if (bytes.length > MAX_KB * 1024) {
    const message = `is too large: ${Math.ceil(bytes.length / 1024)} kB of ${MAX_KB}. Make several scenarios of it.`;
    throw new Invalid([{ file, line: 1, column: 1, message }]);
  }
  if (!isUtf8(bytes)) {
    throw new Invalid([{ file, ...firstOther(bytes), message: "is not UTF-8 from here on. Save it as UTF-8." }]);
  }
  return bytes.toString();
}

/** What else may have a file's name. */
const NO_FILE: Record<string, string> = {
  EISDIR: "is a folder, and no scenario. Move or delete it.",
  ENOENT: "is a link to what is not there. Delete it, or let it lead to a scenario.",
};

function readBytes(file: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new Invalid([{ file, line: 1, column: 1, message: NO_FILE[code] ?? `cannot be read: ${message}` }]);
  }
}

/** A line's end is a byte of its own in UTF-8: each line is UTF-8 or not, whatever the others are. */
function firstOther(bytes: Buffer): { line: number; column: number } {
  let start = 0;
  for (let line = 1;; line++) {
    const end = bytes.indexOf("\n", start);
    const row = bytes.subarray(start, end < 0 ? undefined : end);
    // What cannot be read is read as this.
    if (!isUtf8(row)) return { line, column: row.toString().indexOf("\uFFFD") + 1 };
    start = end + 1;
  }
}
