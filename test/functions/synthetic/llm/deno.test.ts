import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { denoProgram } from "../../../../scripts/stack/functions.ts";
import { serve } from "../../../../scripts/stack/serve.ts";
import { createProvider } from "../../../_support/provider.ts";

const bot = fileURLToPath(new URL("deno_bot.ts", import.meta.url));
const run = promisify(execFile);
const deno = (permissions: string[], ...args: string[]) =>
  run(denoProgram(), ["run", "--no-lock", "--quiet", "--allow-env", "--allow-read", ...permissions, bot, ...args], {
    timeout: 20_000,
  });

test("Deno: live over a port, stopped in a stall, and replayed without the right to a network", async () => {
  const provider = createProvider();
  const server = await serve(provider.handle, { port: 0 });
  onTestFinished(() => server.close());
  const folder = await mkdtemp(join(tmpdir(), "recordings-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  provider.faults.push({ kind: "status", status: 429, retryAfterMs: 1 }, undefined, undefined, { kind: "stall" });
  const live = await deno(["--allow-net=127.0.0.1"], "live", `${server.url}/v1`);
  expect(live.stderr).toBe("");
  const file = join(folder, "recordings.json");
  await writeFile(file, live.stdout);
  const replayed = await deno([], "replay", file);
  const answer = "Your order is cancelled. Nothing was charged.";
  expect(JSON.parse(replayed.stdout)).toMatchObject({
    answers: [answer, answer],
    totals: { calls: 2, cost_microusd: provider.account.total },
  });
  expect(provider.account.total).toBeGreaterThan(0);
  expect(provider.account.inFlight).toBe(0);
});
