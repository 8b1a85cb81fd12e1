import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { bundle, start } from "../../../../scripts/bench/tracer/process.ts";

function newFolder(files: Record<string, string>): { dir: string; file: (name: string) => URL } {
  const dir = mkdtempSync(join(tmpdir(), "process-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return { dir, file: (name) => pathToFileURL(join(dir, name)) };
}

const MAIN = `import { word } from "./word.ts";
process.on("message", (demand: { ask: string }) => process.send!(demand.ask === "crash" ? undefined : word + demand.ask));
process.on("disconnect", () => process.exit());`;

test("a bundled program answers, in turn, until it is stopped", async () => {
  const { dir, file } = newFolder({ "main.ts": MAIN, "word.ts": `export const word = "own ";` });
  const program = start<{ ask: string }, string>("a program", await bundle(file("main.ts")), { cwd: dir });
  expect([await program.ask({ ask: "one" }), await program.ask({ ask: "two" })]).toEqual(["own one", "own two"]);
  await program.stop();
  await program.stop();
});

test("a module can take another's place, and still import it", async () => {
  const { dir, file } = newFolder({
    "main.ts": MAIN,
    "word.ts": `export const word = "own ";`,
    "other.ts": `import { word as own } from "./word.ts";\nexport const word = "not " + own;`,
  });
  const code = await bundle(file("main.ts"), [{ of: file("word.ts"), is: file("other.ts") }]);
  const program = start<{ ask: string }, string>("a program", code, { cwd: dir });
  expect(await program.ask({ ask: "word" })).toBe("not own word");
  await program.stop();
});

test("one that ends instead of answering is an error with its last words", async () => {
  const { dir, file } = newFolder({ "main.ts": MAIN, "word.ts": `export const word = "";` });
  const program = start<{ ask: string }, string>("a program", await bundle(file("main.ts")), { cwd: dir });
  await expect(program.ask({ ask: "crash" })).rejects.toThrow(/^a program ended \(1\): [^]*TypeError/);
});
