/** Runs scenarios of a bot that a test writes. */
import { type Context, Telegraf } from "telegraf";
import { Bot } from "grammy";
import type { Outcome } from "../../../../functions/_shared/synthetic_work.ts";
import type { AnyBot, BotUnderTest, World } from "../../../../functions/synthetic/define.ts";
import type { ScenarioDeps } from "../../../../functions/synthetic/runner/run_scenario.ts";
import { runScenario } from "../../../../functions/synthetic/runner/run_scenario.ts";
import type { NamedScenario, Turn } from "../../../../functions/synthetic/scenario.ts";
import { type Traced, traceUpdates } from "../../../../tracer/telegraf.ts";
import { traceUpdates as traceGrammy } from "../../../../tracer/grammy.ts";
import type { Transport } from "../../../../tracer/transport.ts";
import { type Answer, llmDouble } from "../../../_support/llm_double.ts";

export const accepting: Transport = { send: () => Promise.resolve({ kind: "accepted", rejected: [] }) };

export type Deps = Omit<Partial<ScenarioDeps>, "bot"> & {
  answer?: Answer;
  llm?: Parameters<typeof llmDouble>[1];
  bot?: Partial<BotUnderTest>;
};

export function run(
  create: (world: World) => AnyBot | Promise<AnyBot>,
  scenario: Partial<NamedScenario>,
  { answer = () => "ok", llm, bot, ...deps }: Deps = {},
): Promise<Outcome> {
  return runScenario(
    { name: "one", title: "One", hash: "0123456789abcdef", turns: [{ say: "hello" }], timeout_ms: 25_000, ...scenario },
    {
      bot: {
        create,
        provider: () => ({ baseUrl: "https://llm.test/v1", apiKey: "key" }),
        judge: { model: "judge" },
        ...bot,
      },
      tier: "smoke",
      mode: "replay",
      provider: null,
      ledger: {
        begin: () => Promise.reject(new Error("no ledger")),
        settle: () => Promise.reject(new Error("no ledger")),
      },
      recordings: { find: () => undefined, add: () => {}, all: () => [] },
      record: false,
      transport: accepting,
      signal: new AbortController().signal,
      seed: 1,
      ...deps,
    },
    llmDouble(answer, llm),
  );
}

/** A Telegraf bot whose updates are traced, and whose errors end there. */
export function telegraf({ token, tracer }: World, write: (bot: Telegraf<Context & Traced>) => void): AnyBot {
  const bot = new Telegraf<Context & Traced>(token);
  bot.use(traceUpdates(tracer));
  write(bot);
  bot.catch(() => {});
  return bot;
}

export function grammy({ token, tracer }: World, write: (bot: Bot) => void): AnyBot {
  const bot = new Bot(token);
  bot.use(traceGrammy(tracer));
  write(bot);
  bot.catch(() => {});
  return bot as unknown as AnyBot;
}

/** Answers each text with what `reply` makes of it. */
export const replying = (reply: (text: string) => string) => (world: World): AnyBot =>
  telegraf(world, (bot) => bot.on("text", (ctx) => ctx.reply(reply((ctx.message as { text: string }).text))));

export const says = (...texts: string[]): Turn[] => texts.map((say) => ({ say }));

/** What the LLM says to one message. */
export async function ask({ llm }: World, content: string, model = "gpt-4o"): Promise<string> {
  const response = await llm.fetch(`${llm.baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model, messages: [{ role: "user", content }] }),
  });
  return (await response.json()).choices[0].message.content;
}

export const failing =
  (write: (bot: Parameters<Parameters<typeof telegraf>[1]>[0], world: World) => void) => (world: World) =>
    telegraf(world, (bot) => write(bot, world));
export const onText = (handle: (ctx: { reply(text: string): Promise<unknown> }, world: World) => unknown) =>
  failing((bot, world) => void bot.on("text", async (ctx) => void await handle(ctx, world)));
export const forever = () => new Promise<never>(() => {});
