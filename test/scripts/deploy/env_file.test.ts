import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { keepInEnvFile } from "../../../scripts/deploy/env_file.ts";

function keep(before: string | undefined): { content: string; mode: number } {
  const dir = mkdtempSync(join(tmpdir(), "env-file-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, ".env");
  if (before !== undefined) writeFileSync(file, before, { mode: 0o644 });
  keepInEnvFile(file, "SECRET", "s-1");
  expect(readdirSync(dir)).toEqual([".env"]);
  return { content: readFileSync(file, "utf8"), mode: statSync(file).mode & 0o777 };
}

test.for<[string, string | undefined, string]>([
  ["no file", undefined, "SECRET=s-1\n"],
  ["an empty file", "", "SECRET=s-1\n"],
  ["a file without it", "A=1\n# b\n", "A=1\n# b\nSECRET=s-1\n"],
  ["a file without a line's end", "A=1", "A=1\nSECRET=s-1\n"],
  ["an empty setting, as in .env.example", "A=1\n# why\nSECRET=\nB=2\n", "A=1\n# why\nSECRET=s-1\nB=2\n"],
  ["one whose name ends the same", "MY_SECRET=\n", "MY_SECRET=\nSECRET=s-1\n"],
])("%s: the setting is kept there, for its owner alone", ([, before, after]) => {
  expect(keep(before)).toEqual({ content: after, mode: 0o600 });
});
