// A bot.ts: the example bot, its LLM the `openai` client, streaming, with that client's retries and its own. It leaves what takes
// too long. Where REFUNDS_PORT is set, it asks there about refunds, by a socket.
import { connect } from "node:net";
import OpenAI from "openai";
import { createExampleBot, STEPS } from "../../examples/support-bot/bot.ts";
import type { Llm } from "../../examples/support-bot/llm.ts";
import { defineBot } from "../../functions/synthetic/define.ts";
import type { Tracer } from "../../tracer/index.ts";

const MODEL = "openai/gpt-4o";
/** Until the first byte, and until the last one. What is left while it is answered, on a busy machine, nobody can tell the cost of. */
const HEADERS_MS = 1500;
const WHOLE_MS = 3000;
const TRIES = 6;

export default defineBot({
  create: ({ token, apiRoot, tracer, llm: { baseUrl, apiKey, fetch } }) =>
    createExampleBot({
      token,
      apiRoot,
      tracer: tracer as Tracer<keyof typeof STEPS>,
      llm: streaming(new OpenAI({ baseURL: baseUrl, apiKey, fetch, maxRetries: 2, timeout: HEADERS_MS })),
      findOrders: () => Promise.resolve([{ item: "coffee grinder", status: "shipped" }]),
    }),
  provider: (env) => ({ apiKey: env("OPENROUTER_API_KEY")!, baseUrl: env("OPENROUTER_BASE_URL")! }),
  judge: { model: "openai/gpt-4o-mini" },
});

function streaming(openai: OpenAI): Llm {
  return async (call, messages) => {
    const port = process.env["REFUNDS_PORT"];
    if (port && messages.at(-1)!.content.includes("money back")) await ask(Number(port));
    call.record({ model: MODEL, request: messages });
    for (let left = TRIES - 1;; left--) {
      try {
        const stream = await openai.chat.completions.create({
          model: MODEL,
          messages,
          max_tokens: 300,
          stream: true,
          stream_options: { include_usage: true },
          // OpenRouter's own: the usage says what it cost.
          ...{ usage: { include: true } },
        }, { signal: AbortSignal.timeout(WHOLE_MS) });
        let text = "";
        for await (const { choices, usage } of stream) {
          text += choices[0]?.delta.content ?? "";
          if (!usage) continue;
          call.record({ usage, response: text });
          return text;
        }
        // The client ends a stream that its signal has aborted as if it were whole.
        throw new Error("The stream has broken off.");
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  };
}

/** Goes on without an answer. */
const ask = (port: number) =>
  new Promise<void>((resolve) =>
    connect(port, "127.0.0.1").on("error", () => resolve()).on("connect", () => resolve())
  );
