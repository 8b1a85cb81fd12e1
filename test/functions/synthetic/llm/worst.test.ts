import { expect, test } from "vitest";
import { readRequest } from "../../../../functions/synthetic/llm/request.ts";
import { worstOf } from "../../../../functions/synthetic/llm/worst.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";
import { createProvider } from "../../../_support/provider.ts";
import { seeded } from "../../../_support/provider_faults.ts";
import { ask, KEY, MODEL } from "./llm_fixture.ts";

const worst = async (body: object, path = "chat/completions") =>
  worstOf((await readRequest(path, JSON.stringify(body), {}))!, OPENAI_PRICES);

const WORDS = ["parcel ", "посылка ", "包裹", "🚚👩‍👩‍👧", "טקסט ", '\n\t"\\', "naïve ", "ﷺ", "\u0001", "พัสดุ"];

test("no bill is above the bound: 200 requests in all scripts, a token for each byte, all that may be written", async () => {
  const random = seeded(3);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const text = (most: number) => Array.from({ length: random() * most }, () => pick(WORDS)).join("");
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  let tightest = 0;
  for (let i = 0; i < 200; i++) {
    const max_tokens = 1 + Math.floor(random() * 200);
    // Each of the pieces that it writes is a token, and there are more of them than may be written.
    const provider = createProvider({
      apiKey: KEY,
      tokensOf: (text) => text === SAID.slice(0, max_tokens * 3) ? max_tokens : bytes(text),
      answer: () => ({ text: SAID }),
    });
    const messages = Array.from({ length: 1 + random() * 6 }, () => ({
      role: pick(["system", "user", "assistant"]),
      content: random() < 0.3 ? [{ type: "text", text: text(20) }] : text(30),
    }));
    const tool = {
      type: "function",
      function: { name: "find", description: text(10), parameters: { type: "object" } },
    };
    const body = {
      model: pick(["gpt-4o", "o1", MODEL]),
      messages,
      max_tokens,
      ...(random() < 0.3 && { n: 3 }),
      ...(random() < 0.5 && { tools: [tool] }),
    };
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await provider.fetch("https://llm.test/v1/chat/completions", init);
    expect(response.status).toBe(200);
    const bound = await worst(body);
    expect(bound).toBeGreaterThanOrEqual(provider.account.total);
    tightest = Math.max(tightest, provider.account.total / bound!);
  }
  // It bounds, and is not far away.
  expect(tightest).toBeGreaterThan(0.8);
});
const SAID = "abc".repeat(300);

test("the bound of a request, reckoned by hand", async () => {
  const body = ask("Hello", { max_tokens: 10, n: 2 });
  const bytes = JSON.stringify(body).length;
  expect(await worst(body)).toBe(Math.round((bytes + 2 * 16) * 0.15 + 20 * 0.6));
  expect(await worst({ model: "text-embedding-3-large", input: ["a", "b"] }, "embeddings")).toBe(
    Math.round((JSON.stringify({ model: "text-embedding-3-large", input: ["a", "b"] }).length + 3 * 16) * 0.13),
  );
  // What the provider does not read costs nothing; thoughts may come on top of what is said.
  const more = { user: "u".repeat(1000), metadata: { a: "b" }, stream: true, modalities: ["text"] };
  expect(await worst({ ...body, ...more })).toBe(await worst({ ...body, modalities: ["text"] }));
  const reasoning = { max_tokens: 1000 };
  const thinking = (bytes + `,"reasoning":{"max_tokens":1000}`.length + 2 * 16) * 0.15 + 2 * 1010 * 0.6;
  expect(await worst({ ...body, reasoning })).toBe(Math.round(thinking));
  expect(await worst({ model: MODEL, input: "Hi", max_output_tokens: 10 }, "responses")).toBeGreaterThan(0);
});

test.each<[string, object]>([
  ["no limit of tokens", { max_tokens: undefined }],
  ["a limit that is none", { max_tokens: -1 }],
  ["a model without a price", { model: "some/model" }],
  ["a model that searches the web", { model: "openai/gpt-4o:online" }],
  ["a picture", {
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://x.test" } }] }],
  }],
  ["a text to be written to a cache", {
    messages: [{ role: "user", content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }] }],
  }],
  ["the provider's own tool", { tools: [{ type: "web_search" }] }],
  ["other models to fall back on", { models: ["openai/o1"] }],
  ["a tier with another price", { service_tier: "priority" }],
  ["what the provider remembers", { previous_response_id: "resp_1" }],
  ["a model of a preset", { preset: "email-writer" }],
  ["pictures to be made", { modalities: ["image", "text"] }],
  ["what was said aloud before", { messages: [{ role: "assistant", audio: { id: "audio_1" } }] }],
  ["thoughts of no known length", { reasoning: { max_tokens: "many" } }],
  ["predicted tokens", { prediction: { type: "content", content: "Hi" } }],
])("it is not known with %s", async (_, more) => {
  expect(await worst(ask("Hi"))).toBeGreaterThan(0);
  expect(await worst(ask("Hi", more))).toBeNull();
});
