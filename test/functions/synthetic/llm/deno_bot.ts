// A bot's conversation through the LLM client, under Deno: `live <base URL>` prints its recordings, `replay <file>` its answers.
import { readFileSync } from "node:fs";
import process from "node:process";
import OpenAI from "openai";
import { openLlm } from "../../../../functions/synthetic/llm/client.ts";
import { formatRecordings, RecordingList } from "../../../_support/recordings.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";

const [mode, from] = process.argv.slice(2) as ["live" | "replay", string];
const recordings = new RecordingList(mode === "replay" ? JSON.parse(readFileSync(from, "utf8")) : []);
const stop = new AbortController();
const llm = openLlm({
  mode,
  provider: mode === "live" ? { baseUrl: from, apiKey: "sk-test" } : null,
  ledger: { begin: () => Promise.resolve({ kind: "go", call_id: 1 }), settle: () => Promise.resolve() },
  recordings,
  record: true,
  cache: false,
  models: {},
  prices: OPENAI_PRICES,
  signal: stop.signal,
});
const openai = new OpenAI({ baseURL: llm.baseUrl, apiKey: llm.apiKey, fetch: llm.fetch });
const asked = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "Cancel it" }], max_tokens: 50 };
const plain = await openai.chat.completions.create(asked);
let text = "";
for await (const chunk of await openai.chat.completions.create({ ...asked, stream: true })) {
  text += chunk.choices[0]?.delta.content ?? "";
}
await llm.settled();
if (mode === "live") {
  // The provider stalls now: stopping ends it at once.
  const stalled = openai.chat.completions.create(asked).catch((error: { status: number }) => error.status);
  setTimeout(() => stop.abort(), 100);
  if (await stalled !== 402) throw new Error("it was not stopped");
  await llm.settled();
}
const answers = [plain.choices[0]!.message.content, text];
console.log(mode === "live" ? formatRecordings(recordings.all()) : JSON.stringify({ answers, totals: llm.totals() }));
