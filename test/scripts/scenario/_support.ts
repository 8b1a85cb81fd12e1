/** A folder as functions/synthetic/ is one, and `npm run scenario` in it. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { run } from "../../../scripts/scenario/cli.ts";

const DEFINE = fileURLToPath(new URL("../../../functions/synthetic/define.ts", import.meta.url));

export interface Folder {
  dir: string;
  write(path: string, text: string | Uint8Array): void;
  read(path: string): string;
  has(path: string): boolean;
  /** As it is written in what a person reads. */
  shown(path: string): string;
  scenario(args: string[], env?: Record<string, string>): Promise<{ code: number; said: string; complained: string }>;
}

/** @param files Of the folder, by path. */
export function makeFolder(files: Record<string, string | Uint8Array> = {}): Folder {
  const dir = mkdtempSync(join(tmpdir(), "scenario-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const write = (path: string, text: string | Uint8Array) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  // What TypeScript scenarios import.
  write("define.ts", `export { defineScenario } from ${JSON.stringify(DEFINE)};\n`);
  write("package.json", '{ "type": "module" }');
  mkdirSync(join(dir, "scenarios"));
  for (const [path, text] of Object.entries(files)) write(path, text);
  return {
    dir,
    write,
    read: (path) => readFileSync(join(dir, path), "utf8"),
    has: (path) => existsSync(join(dir, path)),
    shown: (path) => relative(process.cwd(), join(dir, path)),
    async scenario(args, env = {}) {
      const [said, complained]: [string[], string[]] = [[], []];
      const code = await run(args, {
        say: (line) => said.push(line),
        complain: (line) => complained.push(line),
        env,
        dir,
      });
      return { code, said: said.join("\n"), complained: complained.join("\n") };
    },
  };
}

/** A valid scenario, with more lines below. */
export const yaml = (...more: string[]): string => ["title: A title", "turns:", "  - say: hi", ...more, ""].join("\n");

export const RECORDED = [{ key: "a".repeat(64), nth: 0, request: { model: "m" }, chunks: [{ ms: 1, text: "hi" }] }];
