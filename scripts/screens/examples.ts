/**
 * Finds the examples of screens: each file of `test/functions/telegram/screens/` exports those of its renderer.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Example } from "../../test/functions/telegram/screens/examples.ts";
import { Failure } from "../stack/failure.ts";

const FOLDER = new URL("../../test/functions/telegram/screens/", import.meta.url);
/** Says what an example is, and has none. */
const CONTRACT = "examples.ts";

export interface Renderer {
  name: string;
  examples: Example[];
}

export async function findExamples(): Promise<Renderer[]> {
  const files = readdirSync(fileURLToPath(FOLDER))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== CONTRACT);
  return await Promise.all(
    files.sort().map(async (file) => {
      const { examples } = await import(new URL(file, FOLDER).href) as { examples?: Example[] };
      if (!Array.isArray(examples)) throw new Failure(`${file} exports no examples.`, `Export them: see ${CONTRACT}.`);
      return { name: file.replace(/\.ts$/, ""), examples };
    }),
  );
}
