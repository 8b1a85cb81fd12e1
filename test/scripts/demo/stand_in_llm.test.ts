import { expect, test } from "vitest";
import type { ChatMessage } from "../../../examples/support-bot/llm.ts";
import { CALM_KEY, standInLlm } from "../../../scripts/demo/stand_in_llm.ts";

const asks = (
  content: string,
): ChatMessage[] => [{ role: "system", content: "in one word" }, { role: "user", content }];

interface Sent {
  path?: string;
  method?: string;
  authorization?: string;
  body?: unknown;
  signal?: AbortSignal;
}
function send({ path = "/v1/chat/completions", method = "POST", authorization = "Bearer x", body, signal }: Sent) {
  return standInLlm(
    new Request(`http://127.0.0.1${path}`, {
      method,
      headers: { authorization },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    }),
  );
}
const good = { model: "m", messages: asks("Where is my order?") };

test.each<[string, Sent, number, RegExp]>([
  ["another path", { path: "/chat/completions", body: good }, 404, /Unknown request URL/],
  ["another method", { method: "GET" }, 404, /Unknown request URL/],
  ["no key", { authorization: "", body: good }, 401, /No API key/],
  ["an empty key", { authorization: "Bearer ", body: good }, 401, /No API key/],
  ["no JSON", { body: "{" }, 400, /model/],
  ["JSON that is no object", { body: "null" }, 400, /model/],
  ["no model", { body: { messages: good.messages } }, 400, /model/],
  ["no messages", { body: { model: "m" } }, 400, /'messages'/],
  ["empty messages", { body: { model: "m", messages: [] } }, 400, /'messages'/],
  ["a role that is none", { body: { model: "m", messages: [{ role: "bot", content: "x" }] } }, 400, /'messages'/],
  ["content that is no text", { body: { model: "m", messages: [{ role: "user", content: 1 }] } }, 400, /'messages'/],
  ["a message that is null", { body: { model: "m", messages: [null] } }, 400, /'messages'/],
  ["more than its context", { body: { model: "m", messages: asks("x".repeat(8000)) } }, 400, /maximum context length/],
])("refuses %s", async (_, sent, status, message) => {
  const response = await send(sent);
  expect(response.status).toBe(status);
  expect((await response.json()).error.message).toMatch(message);
});

test("the same requests get the same answers and failures, of every kind; only a 429 is another time fine", async () => {
  const questions = Array.from({ length: 150 }, (_, i) => `Where is order ${i}?`);
  const round = () =>
    Promise.all(questions.map(async (question) => {
      const signal = AbortSignal.timeout(1500);
      const response = await send({ body: { model: "m", messages: asks(question) }, signal });
      const body = await response.json();
      return signal.aborted ? "stalls" : response.status === 200 ? body : `${response.status} ${body.error.message}`;
    }));
  const first = await round();
  const second = await round();

  const kinds = new Set(first.map((outcome) => typeof outcome === "string" ? outcome : "answers"));
  expect([...kinds].sort()).toEqual([
    "429 Rate limit reached, try again in 1 s.",
    "502 The upstream provider returned an error.",
    "answers",
    "stalls",
  ]);
  const limited = first.flatMap((outcome, i) => String(outcome).startsWith("429") ? [i] : []);
  for (const i of limited) expect(second[i]).toMatchObject({ object: "chat.completion" });
  expect(second.filter((_, i) => !limited.includes(i))).toEqual(first.filter((_, i) => !limited.includes(i)));
  // Enough works for the demo to be worth looking at.
  expect(first.filter((outcome) => typeof outcome === "object").length).toBeGreaterThan(120);

  const answer = first.find((outcome) => typeof outcome === "object");
  expect(answer).toMatchObject({
    model: "m",
    choices: [{ finish_reason: "stop", message: { role: "assistant", content: "delivery" } }],
  });
  const { prompt_tokens, completion_tokens, total_tokens, cost } = answer.usage;
  expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  expect(cost).toBeCloseTo((prompt_tokens * 2.5 + completion_tokens * 10) / 1e6, 12);
});

test("with the calm key nothing fails, and a judge is pleased", async () => {
  const statuses = async (authorization: string) =>
    (await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      const body = { model: "m", messages: asks(`Where is my order ${i}?`) };
      return (await send({ authorization, body, signal: AbortSignal.timeout(1000) })).status;
    }))).filter((status) => status !== 200);
  expect(await statuses(`Bearer ${CALM_KEY}`)).toEqual([]);
  expect((await statuses("Bearer x")).length).toBeGreaterThan(0);
  const judged = await send({
    body: {
      model: "m",
      messages: [{ role: "system", content: 'Answer {"score": …}' }, { role: "user", content: "[]" }],
    },
  });
  const { choices } = await judged.json();
  expect(JSON.parse(choices[0].message.content)).toMatchObject({ score: 0.9 });
});
