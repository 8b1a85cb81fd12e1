import OpenAI, { AzureOpenAI } from "openai";
import { describe, expect, test } from "vitest";
import { OPENAI_PRICES, traceOpenAI } from "../../tracer/openai.ts";
import { memoryTracer } from "./_support/memory.ts";
import { setup } from "./_support/openai.ts";

const messages = [{ role: "user" as const, content: "Hi there" }];
const model = "gpt-4o-mini";
const usage = { input: 1000, cached: 400, output: 90, reasoning: 50 };

describe("what is recorded", () => {
  test("a chat completion: model of the answer, tokens by class, cost, request and response", async () => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello!", model: "gpt-4o-mini-2024-07-18", usage });
    const answer = await tracer.trace(
      "support",
      () => tracer.step("answer", () => client.chat.completions.create({ model, messages, temperature: 0.5 })),
    );
    expect(answer.choices[0]!.message.content).toBe("Hello!");
    const [trace] = await sent();
    expect(trace!.steps).toEqual([
      expect.objectContaining({ name: "answer" }),
      {
        name: "llm.chat",
        parent: 1,
        offset_ms: expect.any(Number),
        duration_ms: expect.any(Number),
        model: "gpt-4o-mini-2024-07-18",
        input_tokens: 1000,
        cached_tokens: 400,
        output_tokens: 90,
        reasoning_tokens: 50,
        cost_microusd: 600 * 0.15 + 400 * 0.075 + 90 * 0.6,
      },
    ]);
    expect(trace!.io).toEqual([
      { step: 2, request: JSON.stringify({ model, messages, temperature: 0.5 }), response: "Hello!" },
    ]);
  });

  test("a response", async () => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello!", reasoning: "greet", usage });
    const answer = await tracer.trace("support", () => client.responses.create({ model, input: "Hi" }));
    expect(answer.output_text).toBe("Hello!");
    const [trace] = await sent();
    expect(trace!.steps[0]).toMatchObject({
      name: "llm.responses",
      model,
      input_tokens: 1000,
      cached_tokens: 400,
      output_tokens: 90,
      reasoning_tokens: 50,
      cost_microusd: 174,
    });
    expect(trace!.io).toEqual([{ step: 1, request: `{"model":"${model}","input":"Hi"}`, response: "Hello!" }]);
  });

  test("embeddings: the text, not the vectors", async () => {
    const { client, tracer, sent } = await setup();
    const input = "x".repeat(4 * 50);
    const answer = await tracer.trace("support", () => {
      return client.embeddings.create({ model: "text-embedding-3-small", input });
    });
    expect(answer.data[0]!.embedding).toEqual([0.25, -0.5]);
    const [trace] = await sent();
    expect(trace!.steps[0]).toMatchObject({ name: "llm.embeddings", input_tokens: 50, cost_microusd: 1 });
    expect(trace!.steps[0]).not.toHaveProperty("output_tokens");
    expect(trace!.io).toEqual([{ step: 1, request: JSON.stringify({ model: "text-embedding-3-small", input }) }]);
  });

  test("OpenRouter: the cost is the one it charges, also for models that no table knows", async () => {
    const { plain, provider, tracer, sent } = await setup();
    const client = traceOpenAI(plain({ baseURL: provider.routerUrl }), tracer);
    const request = { model: "meta-llama/llama-4", messages, usage: { include: true } };
    await tracer.trace("support", () => client.chat.completions.create(request));
    const [trace] = await sent();
    expect(trace!.steps[0]).toMatchObject({ model: "meta-llama/llama-4", cost_microusd: provider.billed });
    expect(provider.billed).toBeGreaterThan(0);
  });

  test("what no table knows has no cost, and prices can be given", async () => {
    const { plain, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello!", usage });
    const prices = { date: "2026-01-01", models: { house: { input: 1, output: 2 } } };
    const [standard, own] = [traceOpenAI(plain(), tracer), traceOpenAI(plain(), tracer, { prices })];
    await tracer.trace("support", async () => {
      await standard.chat.completions.create({ model: "house", messages });
      await own.chat.completions.create({ model: "house", messages });
      await own.chat.completions.create({ model, messages });
    });
    const costs = (await sent())[0]!.steps.map((step) => step.cost_microusd);
    expect(costs).toEqual([undefined, 1180, undefined]);
    expect(OPENAI_PRICES.models).not.toHaveProperty("house");
  });

  test("tool calls, several choices and an answer cut short are recorded whole", async () => {
    const { client, provider, tracer, sent } = await setup();
    const tool_calls = [{ id: "call_1", name: "find_order", arguments: '{"id":7}' }];
    const replies = [{ tool_calls }, { text: "Hello!" }, { text: "Hel", finish_reason: "length" }];
    provider.reply = () => replies.shift()!;
    await tracer.trace("support", async () => {
      await client.chat.completions.create({ model, messages });
      await client.chat.completions.create({ model, messages, n: 2 });
      await client.chat.completions.create({ model, messages });
    });
    const responses = (await sent())[0]!.io!.map((io) => JSON.parse(io.response!));
    expect(responses[0]).toMatchObject({
      finish_reason: "tool_calls",
      tool_calls: [{ id: "call_1", type: "function", function: { name: "find_order", arguments: '{"id":7}' } }],
    });
    expect(responses[1]).toEqual(["Hello!", "Hello!"]);
    expect(responses[2]).toMatchObject({ finish_reason: "length", content: "Hel" });
  });

  test("names: of one's own, by request, and the standard one where the function has none", async () => {
    const { plain, tracer, sent } = await setup();
    const fixed = traceOpenAI(plain(), tracer, { step: "llm.answer" });
    const chosen = traceOpenAI(plain(), tracer, {
      step: (request) => {
        if (request["model"] === "gpt-4o") throw new Error("no name");
        return request["model"] === model ? "llm.cheap" : undefined;
      },
    });
    await tracer.trace("support", async () => {
      await fixed.chat.completions.create({ model, messages });
      for (const model of ["gpt-4o-mini", "gpt-4o", "o3"]) await chosen.chat.completions.create({ model, messages });
    });
    expect((await sent())[0]!.steps.map((step) => step.name)).toEqual([
      "llm.answer",
      "llm.cheap",
      "llm.chat",
      "llm.chat",
    ]);
  });

  test("with a table of steps, other names do not compile", () => {
    const { tracer } = memoryTracer({ steps: { "llm.answer": "Writing …" } });
    const client = new OpenAI({ apiKey: "sk-test" });
    traceOpenAI(client, tracer, { step: "llm.answer" });
    // @ts-expect-error: no such step
    traceOpenAI(new OpenAI({ apiKey: "sk-test" }), tracer, { step: "llm.other" });
  });
});

describe("the bot notices nothing", () => {
  test("outside any trace calls go through, and nothing is counted as lost", async () => {
    const { client, provider, tracer, sent } = await setup();
    const answer = await client.chat.completions.create({ model, messages });
    expect(answer.choices[0]!.message.content).toBe("Hello!");
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const _ of stream) { /* to its end */ }
    expect(provider.requests).toHaveLength(2);
    expect(await sent()).toEqual([]);
    expect(tracer.stats()).toMatchObject({ orphanSteps: 0, recorded: 0 });
  });

  test("the client is the same one, traced once, however often it is asked for", async () => {
    const { plain, tracer, sent } = await setup();
    const client = plain();
    expect(traceOpenAI(client, tracer)).toBe(client);
    expect(traceOpenAI(client, tracer)).toBe(client);
    expect(client).toBeInstanceOf(OpenAI);
    await tracer.trace("support", () => client.chat.completions.create({ model, messages }));
    expect((await sent())[0]!.steps).toHaveLength(1);
  });

  test("copies made by withOptions are traced too, once, with their attempts", async () => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = ({ attempt }) =>
      attempt === 0 ? { status: 500, headers: { "retry-after-ms": "1" } } : { text: "ok" };
    const copy = client.withOptions({ timeout: 5000 }).withOptions({ maxRetries: 1 });
    await tracer.trace("support", () => copy.chat.completions.create({ model, messages }));
    expect((await sent())[0]!.steps.map((step) => step.name)).toEqual(["llm.chat", "llm.retry"]);
  });

  test("Azure's client is one of its kind", async () => {
    const { provider, tracer, sent } = await setup();
    const azure = new AzureOpenAI({ apiKey: "sk-test", apiVersion: "1", baseURL: provider.url, maxRetries: 0 });
    const client = traceOpenAI(azure, tracer);
    // Azure has other addresses, which the stand-in refuses: what is recorded is the refusal.
    const call = tracer.trace("support", () => client.chat.completions.create({ model, messages }));
    await expect(call).rejects.toThrow("404 Unknown URL");
    expect((await sent())[0]!.steps[0]).toMatchObject({
      name: "llm.chat",
      error: expect.stringContaining("404 Unknown URL"),
    });
  });

  test("errors are the client's own, and mark the step", async () => {
    const { client, plain, tracer, sent } = await setup({ maxRetries: 0 });
    const wrong = { model, messages: [] };
    const expected = await plain().chat.completions.create(wrong).catch((error) => error);
    let caught: unknown;
    await tracer.trace("support", () => client.chat.completions.create(wrong).catch((error) => caught = error));
    expect(caught).toBeInstanceOf(OpenAI.BadRequestError);
    expect((caught as Error).message).toBe(expected.message);
    const [trace] = await sent();
    expect(trace).toMatchObject({
      status: "ok",
      steps: [{ status: "error", error: "400 [] is too short - 'messages'" }],
    });
    expect(trace!.steps).toHaveLength(1);
  });

  test("an error thrown at once passes as it is", async () => {
    const { client, tracer, sent } = await setup();
    const create = client.chat.completions.create as (body: unknown) => unknown;
    await tracer.trace("support", () => expect(() => create(undefined)).toThrow(TypeError));
    expect((await sent())[0]!.steps).toMatchObject([{ name: "llm.chat", status: "error" }]);
  });

  test("a request that changes afterwards is recorded as it was sent", async () => {
    const { client, tracer, sent } = await setup();
    const talk = [...messages];
    await tracer.trace("support", async () => {
      await client.chat.completions.create({ model, messages: talk });
      talk.push({ role: "user", content: "later" });
    });
    expect((await sent())[0]!.io![0]!.request).not.toContain("later");
  });

  test("an answer that is no JSON, or no answer at all, passes as without the tracer", async () => {
    const { client, plain, provider, tracer, sent } = await setup({ maxRetries: 0 });
    provider.reply = () => ({ text: "Hi", contentType: "text/html" });
    const expected = await plain().chat.completions.create({ model, messages });
    const seen = await tracer.trace("support", () => client.chat.completions.create({ model, messages }));
    expect(seen).toBe(expected);
    provider.reply = () => ({ text: "Hi", then: "die" });
    await tracer.trace("support", () => client.chat.completions.create({ model, messages }).catch(() => {}));
    const [html, dead] = await sent();
    expect(html!.io![0]!.response).toBe(expected);
    expect(dead!.steps[0]).toMatchObject({ status: "error", error: "terminated" });
  });
});
