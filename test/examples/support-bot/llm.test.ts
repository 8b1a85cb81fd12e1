import { expect, onTestFinished, test } from "vitest";
import { createLlm, type LlmOptions } from "../../../examples/support-bot/llm.ts";
import { freePort } from "../../../scripts/stack/ports.ts";
import { serve } from "../../../scripts/stack/serve.ts";
import { recordLlm } from "../../../tracer/llm.ts";
import { memoryTracer } from "../../tracer/_support/memory.ts";

const COMPLETION = {
  model: "m-2026-11",
  choices: [{ message: { content: "hello" } }],
  usage: {
    prompt_tokens: 10,
    prompt_tokens_details: { cached_tokens: 8 },
    completion_tokens: 3,
    completion_tokens_details: { reasoning_tokens: 2 },
    cost: 0.0000424,
  },
};
const QUESTION = [{ role: "user" as const, content: "hi" }];

/** Calls a provider that answers with these, one after the other, in a step of a trace. */
async function call(answers: ((request: Request) => Response | Promise<Response>)[], over: Partial<LlmOptions> = {}) {
  const requests: { path: string; authorization: string | null; body: unknown }[] = [];
  const provider = await serve(async (request) => {
    const body = await request.json();
    const { pathname } = new URL(request.url);
    requests.push({ path: pathname, authorization: request.headers.get("authorization"), body });
    return await answers[requests.length - 1]!(request);
  }, { port: 0 });
  onTestFinished(() => provider.close());
  const llm = createLlm({ baseUrl: `${provider.url}/v1`, key: "k", model: "m", ...over });
  const { tracer, sent } = memoryTracer();
  let outcome: unknown;
  await tracer.trace("support", async () => {
    outcome = await recordLlm(tracer, "llm.answer", (call) => llm(call, QUESTION)).catch((error: Error) => error);
  });
  const [trace] = await sent();
  return { requests, outcome, step: trace!.steps![0]! };
}

const ok = (body: unknown = COMPLETION) => () => Response.json(body);
const refuse = (status: number, message: string, headers: Record<string, string> = {}) => () =>
  Response.json({ error: { message } }, { status, headers });

test("the call, its tokens and its cost are in the step", async () => {
  const { requests, outcome, step } = await call([ok()]);
  expect(outcome).toBe("hello");
  expect(requests).toEqual([{
    path: "/v1/chat/completions",
    authorization: "Bearer k",
    body: { model: "m", messages: QUESTION, max_tokens: 300, usage: { include: true } },
  }]);
  expect(step).toMatchObject({
    model: "m-2026-11",
    input_tokens: 10,
    cached_tokens: 8,
    output_tokens: 3,
    reasoning_tokens: 2,
    cost_microusd: 42,
  });
});

test("what the provider does not tell is not 0", async () => {
  const { step } = await call([ok({ ...COMPLETION, usage: { prompt_tokens: 10 } })]);
  expect(step.input_tokens).toBe(10);
  expect(step.output_tokens ?? null).toBeNull();
  expect(step.cost_microusd ?? null).toBeNull();
  expect(step).not.toHaveProperty("cached_tokens");
  expect(step).not.toHaveProperty("reasoning_tokens");
});

test.each([[429], [502]])("%i once, then fine", async (status) => {
  const { outcome, requests, step } = await call([refuse(status, "later", { "retry-after": "0" }), ok()]);
  expect([outcome, requests.length, step.status]).toEqual(["hello", 2, undefined]);
});

test.each<[string, (() => Response)[], string]>([
  ["429 twice", [refuse(429, "slow down", { "retry-after": "0" }), refuse(429, "slow down")], "429 slow down"],
  ["401, which another try would not change", [refuse(401, "no such key")], "401 no such key"],
  ["an error that is not JSON", [() => new Response("<h1>Bad</h1>", { status: 400 })], "400 <h1>Bad</h1>"],
])("%s: the provider's own words", async (_, answers, message) => {
  const { outcome, requests, step } = await call(answers);
  expect(outcome).toMatchObject({ name: "LlmError", message });
  expect(requests).toHaveLength(answers.length);
  expect(step).toMatchObject({ status: "error", error: expect.stringContaining(message), model: "m" });
});

test("a provider that stalls times out", async () => {
  const stall = () => new Promise<Response>(() => {});
  const { outcome, requests, step } = await call([stall], { timeoutMs: 200 });
  expect(outcome).toMatchObject({ name: "TimeoutError" });
  expect([requests.length, step.status]).toEqual([1, "error"]);
});

test("a provider that is not there", async () => {
  const { outcome, step } = await call([], { baseUrl: `http://127.0.0.1:${await freePort()}` });
  expect(outcome).toBeInstanceOf(Error);
  expect(step.status).toBe("error");
});
