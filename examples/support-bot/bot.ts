/**
 * A support bot as somebody would write it: three LLM calls, a database query, a progress message and a button, all traced.
 *
 * @module
 */
import { type Context, Telegraf } from "telegraf";
import { callbackQuery, message } from "telegraf/filters";
import { defineSteps, type Tracer } from "../../tracer/index.ts";
import { recordLlm } from "../../tracer/llm.ts";
import { progress, traceUpdates } from "../../tracer/telegraf.ts";
import type { Llm } from "./llm.ts";

/** What the bot does, and what the user reads meanwhile. */
export const STEPS = defineSteps({
  "llm.classify": "Reading your message …",
  "db.orders": "Looking up your orders …",
  "llm.answer": "Writing the answer …",
  "llm.check": "Checking the answer …",
});

const CLASSIFY =
  "Name the topic of the customer's message in one word: refund, delivery, defect, cancel, invoice, smalltalk or other.";
const ANSWER = "You are the support of a small online shop. Answer the customer in one or two friendly sentences.";
const CHECK =
  "Check that the answer is polite and promises nothing that the orders do not allow. Say ok, or what is wrong.";
/** The answer when a step has failed. */
export const SORRY = "Sorry, something went wrong on our side. Please try again in a moment.";

/** The button under each answer. */
export const PERSON = { text: "Talk to a person", callback_data: "person" };
const WITH_PERSON = { reply_markup: { inline_keyboard: [[PERSON]] } };

export interface ExampleBotOptions {
  token: string;
  apiRoot: string;
  tracer: Tracer<keyof typeof STEPS>;
  llm: Llm;
  /** The orders of a Telegram user. */
  findOrders: (userId: number) => Promise<unknown[]>;
}

export function createExampleBot({ token, apiRoot, tracer, llm, findOrders }: ExampleBotOptions): Telegraf {
  const bot = new Telegraf(token, { telegram: { apiRoot } });
  // Commands are called by their names, presses callback_query.
  const isQuestion = (ctx: Context) => ctx.message !== undefined && !ctx.text?.startsWith("/");
  bot.use(traceUpdates(tracer, { pipeline: (ctx: Context) => isQuestion(ctx) ? "support" : undefined }));
  bot.start((ctx) => ctx.reply("Hello! What can I do for you?"));

  bot.on(callbackQuery("data"), async (ctx) => {
    await ctx.answerCbQuery();
    if (ctx.callbackQuery.data === PERSON.callback_data) await ctx.reply("A colleague of mine will write to you here.");
  });

  bot.on([message("text"), message("photo")], async (ctx) => {
    // A picture says what is wrong only with words under it.
    if (!ctx.text) return await ctx.reply("Nice picture! What can I do for you? Please write a few words.");
    const shown = progress(ctx, STEPS);
    const question = { role: "user" as const, content: ctx.text };
    try {
      // The topic and the orders do not need each other.
      const [topic, orders] = await Promise.all([
        recordLlm(tracer, "llm.classify", (call) => llm(call, [{ role: "system", content: CLASSIFY }, question])),
        tracer.step("db.orders", () => findOrders(ctx.from.id)),
      ]);
      const facts = `Topic: ${topic}. Orders: ${JSON.stringify(orders)}`;
      const answer = await recordLlm(tracer, "llm.answer", (call) => {
        return llm(call, [{ role: "system", content: `${ANSWER} ${facts}` }, question]);
      });
      const verdict = await recordLlm(tracer, "llm.check", (call) => {
        return llm(call, [{ role: "system", content: `${CHECK} ${facts}` }, { role: "user", content: answer }]);
      });
      await shown.done(/^ok\b/i.test(verdict.trim()) ? answer : SORRY, WITH_PERSON);
    } catch (error) {
      await shown.done(SORRY);
      throw error;
    }
  });

  // The trace has the error; the bot goes on.
  bot.catch(() => {});
  return bot;
}
