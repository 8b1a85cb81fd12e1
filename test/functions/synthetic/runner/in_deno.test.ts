// The runner's home is an edge function: what is different there, timers and rejections, is seen in Deno alone.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { denoProgram } from "../../../../scripts/stack/functions.ts";

test("in Deno, without the right to the network", async () => {
  const program = new URL("in_deno.deno.ts", import.meta.url).pathname;
  const permissions = ["--no-prompt", "--allow-env", "--allow-read", "--allow-sys"];
  const { stdout } = await promisify(execFile)(denoProgram(), ["run", ...permissions, program]);
  expect(stdout.trim().split("\n").map((line) => JSON.parse(line))).toEqual([
    ["telegraf", "passed"],
    ["grammy", "passed"],
    [
      "leftovers",
      "failed",
      "The bot has left traces that have not ended: open",
      "The bot has left a timer that is pending: setInterval of 4000 ms",
    ],
    ["rejection", "failed", "Nobody has caught: forgotten (test/functions/synthetic/runner/in_deno.deno.ts:62)"],
  ]);
});
