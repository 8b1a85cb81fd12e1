import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { denoProgram } from "../../scripts/stack/functions.ts";
import { startIngest } from "./_support/ingest.ts";
import { setup } from "./_support/openai.ts";

const bot = fileURLToPath(new URL("_support/llm_bot.ts", import.meta.url));
const run = promisify(execFile);

const runtimes = {
  Node: [process.execPath, "--import", "tsx", bot],
  Deno: [
    denoProgram(),
    "run",
    "--no-lock",
    "--quiet",
    "--allow-net=127.0.0.1",
    "--allow-env",
    "--allow-read",
    "--allow-run",
    bot,
  ],
};

test.each(Object.entries(runtimes))("%s: a stream, a retry and a call by hand", async (_, [command, ...args]) => {
  const [ingest, { provider }] = [await startIngest(), await setup()];
  provider.reply = ({ path, attempt }) =>
    path === "/responses" && attempt === 0
      ? { status: 429, message: "Rate limit reached", headers: { "retry-after-ms": "20" } }
      : { text: "Hello!", usage: { input: 1000, cached: 400, output: 90, reasoning: 50 } };
  const { stdout, stderr } = await run(command!, [...args, ingest.url, provider.url], { timeout: 20_000 });
  expect([stdout, stderr]).toEqual(["Hello! Hello!\nunhandled: 400 [] is too short - 'messages'\n", ""]);

  const [trace] = [...ingest.stored.values()].filter(({ pipeline }) => pipeline === "support");
  const tokens = { input_tokens: 1000, cached_tokens: 400, output_tokens: 90, reasoning_tokens: 50 };
  expect(trace!.steps).toMatchObject([
    { name: "llm.chat", model: "gpt-4o-mini", ...tokens, cost_microusd: 174 },
    { name: "llm.responses", model: "gpt-4o-mini", ...tokens, cost_microusd: 174 },
    { name: "llm.retry", parent: 2, error: "429 Rate limit reached" },
    { name: "llm.other", model: "other", input_tokens: 5, output_tokens: 6 },
  ]);
  expect(trace!.io!.map((io) => io.response)).toEqual(["Hello!", "Hello!"]);
});
