/** A stack of the test file's own: the real Postgres, PostgREST, Deno and gateway, on a copy of the deployed template. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { type Stack, type StackOptions, startStack } from "../../scripts/stack/stack.ts";
import { ANY_PORTS } from "./global.ts";

/** A copy of the deployed template, and what removes it. */
export function copyTemplate(): { dir: string; remove(): void } {
  const parent = mkdtempSync(join(inject("copies"), "copy-"));
  const dir = join(parent, "s");
  // `cp -a` keeps the owner: as root, Postgres' data is not root's.
  execFileSync("cp", ["-a", inject("template"), dir]);
  return { dir, remove: () => rmSync(parent, { recursive: true, force: true }) };
}

export interface TestStack extends Stack {
  /** Stops the stack and removes its data. */
  end(): Promise<void>;
}

/** Starts a stack for `beforeAll`; `end` it in `afterAll`. It has the function `synthetic` only where `isolates` says so. */
export async function startTestStack(options: Omit<StackOptions, "dir" | "deployed"> = {}): Promise<TestStack> {
  const { dir, remove } = copyTemplate();
  const stack = await startStack({
    ...options,
    dir,
    deployed: true,
    env: { ...ANY_PORTS, ...options.env },
    isolates: { synthetic: 0, ...options.isolates },
  });
  return {
    ...stack,
    async end() {
      await stack.stop();
      remove();
    },
  };
}
