// Run by in_deno.test.ts in Deno, as the synthetic function is: prints the outcomes of scenarios, none of which may use the network.
import { Bot, InputFile } from "npm:grammy@1.46.0";
import { Telegraf } from "telegraf";
import { traceUpdates } from "../../../../tracer/telegraf.ts";
import type { AnyBot, World } from "../../../../functions/synthetic/define.ts";
import { runScenario } from "../../../../functions/synthetic/runner/run_scenario.ts";
import type { NamedScenario } from "../../../../functions/synthetic/scenario.ts";
import { llmDouble } from "../../../_support/llm_double.ts";

const run = async (name: string, create: (world: World) => AnyBot, scenario: Partial<NamedScenario>) => {
  const outcome = await runScenario(
    { name, title: name, hash: "", turns: [{ say: "hello" }], timeout_ms: 25_000, ...scenario },
    {
      bot: { create, provider: () => ({ baseUrl: "", apiKey: "" }) },
      tier: "smoke",
      mode: "replay",
      provider: null,
      ledger: { begin: () => Promise.reject(), settle: () => Promise.reject() },
      recordings: { find: () => undefined, add: () => {}, all: () => [] },
      record: false,
      transport: { send: () => Promise.resolve({ kind: "accepted", rejected: [] }) },
      signal: new AbortController().signal,
      seed: 1,
    },
    llmDouble(() => "ok"),
  );
  console.log(JSON.stringify([name, outcome.state, ...outcome.failures.map(({ message }) => message)]));
};

const telegraf = (write: (bot: Telegraf, world: World) => void) => (world: World): AnyBot => {
  const bot = new Telegraf(world.token);
  bot.use(traceUpdates(world.tracer));
  write(bot, world);
  return bot;
};

await run(
  "telegraf",
  telegraf((bot) =>
    bot.on("text", (ctx) => ctx.replyWithDocument({ source: new Uint8Array([1, 2]) as never, filename: "a" }))
  ),
  { turns: [{ say: "x", expect: { json: { path: "$.document.file_size", equals: 2 } } }] },
);
await run("grammy", ({ token }) => {
  const bot = new Bot(token);
  bot.on("message:text", (ctx) => ctx.replyWithDocument(new InputFile(new Uint8Array([1, 2, 3]), "b")));
  return bot as unknown as AnyBot;
}, { turns: [{ say: "x", expect: { json: { path: "$.document.file_size", equals: 3 } } }] });
await run(
  "leftovers",
  telegraf((bot, { tracer }) =>
    void bot.on("text", () => {
      tracer.startTrace("open");
      setInterval(() => {}, 4_000);
      clearTimeout(setTimeout(() => {}, 5_000));
    })
  ),
  {},
);
await run(
  "rejection",
  telegraf((bot) => void bot.on("text", () => void Promise.reject(new Error("forgotten")))),
  {},
);
