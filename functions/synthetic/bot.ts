/**
 * The bot that is tested: the one file to edit. Name the factory of yours, and where its LLM is.
 *
 * @module
 */
import { createExampleBot, STEPS } from "../../examples/support-bot/bot.ts";
import { createLlm } from "../../examples/support-bot/llm.ts";
import type { Tracer } from "../../tracer/index.ts";
import { defineBot } from "./define.ts";

export default defineBot({
  create: ({ token, apiRoot, tracer, llm }) =>
    createExampleBot({
      token,
      apiRoot,
      tracer: tracer as Tracer<keyof typeof STEPS>,
      llm: createLlm({ ...llm, key: llm.apiKey, model: "openai/gpt-4o", timeoutMs: 20_000 }),
      // A customer of the scenarios has one order.
      findOrders: () => Promise.resolve([{ item: "coffee grinder", status: "shipped" }]),
    }),
  provider: (env) => {
    const apiKey = env("OPENROUTER_API_KEY");
    if (!apiKey) throw new Error("OPENROUTER_API_KEY is missing: the key that pays for the calls");
    return { apiKey, baseUrl: env("OPENROUTER_BASE_URL") || "https://openrouter.ai/api/v1" };
  },
  models: { smoke: { "*": "openai/gpt-4o-mini" } },
  judge: { model: "openai/gpt-4o-mini" },
});
