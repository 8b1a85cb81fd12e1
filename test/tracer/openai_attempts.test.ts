import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { traceOpenAI } from "../../tracer/openai.ts";
import { type Reply, setup } from "./_support/openai.ts";

const request = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "Hi there" }] };
const soon = { "retry-after-ms": "40" };

/** What becomes of a call whose attempts fare as `replies` say, the last one for all that follow. */
async function attempts(replies: Reply[], options = {}) {
  const { client, provider, tracer, sent } = await setup(options);
  provider.reply = ({ attempt }) => replies[Math.min(attempt, replies.length - 1)]!;
  let error: unknown;
  await tracer.trace("support", () => client.chat.completions.create(request).catch((caught) => error = caught));
  const [call, ...retries] = (await sent())[0]!.steps;
  return { call: call!, retries, error, provider };
}

test("each attempt that is repeated is a step below the call, with its own time and the provider's words", async () => {
  const { call, retries, error } = await attempts([
    { status: 429, message: "Rate limit reached", headers: { "retry-after": "0.04" } },
    { status: 500, message: "The server had an error", headers: soon },
    { text: "Hello!", pauseMs: 40 },
  ]);
  expect(error).toBeUndefined();
  expect(call).not.toHaveProperty("error");
  expect(call.output_tokens).toBeGreaterThan(0);
  const retry = {
    name: "llm.retry",
    parent: 1,
    status: "error",
    offset_ms: expect.any(Number),
    duration_ms: expect.any(Number),
  };
  expect(retries).toEqual([
    { ...retry, error: "429 Rate limit reached" },
    { ...retry, error: "500 The server had an error" },
  ]);
  const [first, second] = retries;
  // The pauses between them belong to the call alone.
  expect(second!.offset_ms).toBeGreaterThanOrEqual(first!.offset_ms + first!.duration_ms + 38);
  expect(call.offset_ms + call.duration_ms).toBeGreaterThanOrEqual(second!.offset_ms + second!.duration_ms + 38 + 38);
});

test("the last attempt is the call itself: its error is the call's, and the bot's", async () => {
  const { call, retries, error } = await attempts([{ status: 429, message: "Slow down", headers: soon }]);
  expect(error).toBeInstanceOf(OpenAI.RateLimitError);
  expect(call).toMatchObject({ status: "error", error: "429 Slow down" });
  expect(retries.map((step) => step.error)).toEqual(["429 Slow down", "429 Slow down"]);
});

test("what is not repeated has no retries", async () => {
  const { call, retries, provider } = await attempts([{ status: 404, message: "no such model" }]);
  expect(call.error).toBe("404 no such model");
  expect(retries).toEqual([]);
  expect(provider.requests).toHaveLength(1);
});

test("a connection that breaks, and an attempt that takes too long", async () => {
  const broken = await attempts(["reset", { text: "Hello!" }], { maxRetries: 1 });
  expect(broken.retries.map((step) => step.error)).toEqual(["fetch failed: other side closed"]);
  const late = await attempts(["stall", { text: "Hello!" }], { maxRetries: 1, timeout: 300 });
  expect(late.retries.map((step) => step.error)).toEqual(["timed out"]);
  expect(late.retries[0]!.duration_ms).toBeGreaterThanOrEqual(298);
  expect(late.call).not.toHaveProperty("error");
});

test.each([
  ["<html>Bad gateway</html>", "502 <html>Bad gateway</html>"],
  ["", "502 Bad Gateway"],
  ['{"error":"overloaded"}', "502 overloaded"],
  ['{"message":"upstream"}', "502 upstream"],
  [`<html>${"x".repeat(50_000)}`, `502 ${`<html>${"x".repeat(50_000)}`.slice(0, 200)}`],
])("an error's body of another kind: %.40s", async (body, error) => {
  const { retries } = await attempts([{ status: 502, body, headers: soon }, { text: "Hello!" }]);
  expect(retries.map((step) => step.error)).toEqual([error]);
});

test("an error whose body never ends does not hold up the next attempt", async () => {
  const { call, retries } = await attempts([{ status: 503, stalls: true, headers: soon }, { text: "Hello!" }]);
  expect(retries.map((step) => step.error)).toEqual(["503 {"]);
  expect(call.duration_ms).toBeLessThan(5000);
});

describe("the client's fetch", () => {
  test("is called as before: one's own, without a `this`, with what it was given", async () => {
    const { plain, provider, tracer, sent } = await setup();
    provider.reply = ({ attempt }) => attempt === 0 ? { status: 500, headers: soon } : { text: "Hello!" };
    const seen: unknown[] = [];
    const own = function (this: unknown, ...args: Parameters<typeof fetch>) {
      seen.push(this, args.length);
      return fetch(...args);
    };
    const client = traceOpenAI(plain({ fetch: own }), tracer);
    await tracer.trace("support", () => client.chat.completions.create(request));
    expect(seen).toEqual([undefined, 2, undefined, 2]);
    expect((await sent())[0]!.steps).toHaveLength(2);
  });

  test("outside any trace, and for calls that are not traced, nothing is recorded", async () => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = ({ attempt }) => attempt === 0 ? { status: 500, headers: soon } : { text: "Hello!" };
    expect((await client.chat.completions.create(request)).choices).toHaveLength(1);
    await tracer.trace("support", () => client.models.list().catch(() => {}));
    const [trace, ...more] = await sent();
    expect([trace!.steps, more]).toEqual([[], []]);
  });

  test("an attempt that fails after the trace has ended is not recorded", async () => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = ({ attempt }) => attempt === 0 ? { status: 500, headers: soon } : { text: "Hello!" };
    const call: { answer?: Promise<unknown> } = {};
    tracer.trace("support", () => void (call.answer = client.chat.completions.create(request).then()));
    await call.answer;
    expect((await sent())[0]!.steps.map((step) => step.name)).toEqual(["llm.chat"]);
    expect(tracer.stats().orphanSteps).toBe(0);
  });
});
