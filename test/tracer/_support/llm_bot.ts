// A bot's process that asks a model: streamed, with a retry, and by hand. Runs under Node and Deno.
import process from "node:process";
import OpenAI from "openai";
import { createTracer } from "../../../tracer/index.ts";
import { recordLlm } from "../../../tracer/llm.ts";
import { traceOpenAI } from "../../../tracer/openai.ts";

const [ingest, provider] = process.argv.slice(2);
const tracer = createTracer({ url: ingest, key: "tg_test_key", capture: { rate: 1 } });
const client = traceOpenAI(new OpenAI({ apiKey: "sk-test", baseURL: provider }), tracer);
const model = "gpt-4o-mini";
const messages = [{ role: "user" as const, content: "Hi there" }];

const text = await tracer.trace("support", async () => {
  let text = "";
  const stream_options = { include_usage: true };
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true, stream_options })) {
    text += chunk.choices[0]?.delta.content ?? "";
  }
  const { output_text } = await client.responses.create({ model, input: text });
  recordLlm(tracer, "llm.other", { model: "other", usage: { input_tokens: 5, output_tokens: 6 }, duration_ms: 1 });
  return `${text} ${output_text}`;
});
console.log(text);

// As a bot does that forgets a promise: its failure is still the process's.
process.on("unhandledRejection", (error) => console.log(`unhandled: ${(error as Error).message}`));
tracer.trace("forgotten", () => void client.chat.completions.create({ model, messages: [] }));
