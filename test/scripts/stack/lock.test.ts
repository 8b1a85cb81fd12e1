import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { withLock } from "../../../scripts/stack/lock.ts";

let file: string;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "lock-"));
  file = join(dir, "made/on/the/way");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
});

test("one at a time, in this process too", async () => {
  let inside = 0;
  const most: number[] = [];
  const visit = () =>
    withLock(file, async () => {
      most.push(++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    });
  await Promise.all([visit(), visit(), visit(), visit()]);
  expect(most).toEqual([1, 1, 1, 1]);
});

test("what is returned or thrown comes out, and frees the lock", async () => {
  expect(await withLock(file, () => Promise.resolve(1))).toBe(1);
  await expect(withLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await withLock(file, () => Promise.resolve(2))).toBe(2);
});

test("the lock of a process that is killed is free", async () => {
  const module = fileURLToPath(new URL("../../../scripts/stack/lock.ts", import.meta.url));
  const holder = spawn(process.execPath, [
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    `
    import { withLock } from ${JSON.stringify(module)};
    await withLock(${
      JSON.stringify(file)
    }, () => new Promise(() => (console.log("held"), setInterval(() => {}, 60_000))));
  `,
  ], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  let mine = false;
  const waiting = withLock(file, () => Promise.resolve(void (mine = true)));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(mine).toBe(false);
  holder.kill("SIGKILL");
  await waiting;
  expect(mine).toBe(true);
});
