import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { traceOpenAI } from "../../tracer/openai.ts";
import { memoryTracer } from "./_support/memory.ts";
import { setup } from "./_support/openai.ts";

const messages = [{ role: "user" as const, content: "Hi there" }];
const model = "gpt-4o-mini";
const plain = { model, messages };
const streamed = { ...plain, stream: true as const };

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("the promise", () => {
  test("withResponse: the answer, the response and the request's id", async () => {
    const { client, tracer, sent } = await setup();
    await tracer.trace("support", async () => {
      const whole = await client.chat.completions.create(plain).withResponse();
      expect(whole.data.choices[0]!.message.content).toBe("Hello!");
      expect(whole).toMatchObject({ request_id: "req_1", response: { status: 200 }, data: { _request_id: "req_1" } });
      const { data, response } = await client.chat.completions.create(streamed).withResponse();
      expect(response.headers.get("content-type")).toContain("text/event-stream");
      expect(await collect(data)).toHaveLength(4);
    });
    const [trace] = await sent();
    expect(trace!.steps[0]!.output_tokens).toBeGreaterThan(0);
    expect(trace!.io!.map((io) => io.response)).toEqual(["Hello!", "Hello!"]);
  });

  test("asResponse: the body is the bot's, and the step ends with the headers", async () => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello!", at: 2, then: "stall" });
    await tracer.trace("support", async () => {
      const response = await client.chat.completions.create(streamed).asResponse();
      const { value } = await response.body!.getReader().read();
      expect(new TextDecoder().decode(value)).toContain("data: ");
    });
    const [trace] = await sent();
    expect(trace!.steps).toEqual([
      { name: "llm.chat", offset_ms: expect.any(Number), duration_ms: expect.any(Number), model },
    ]);
  });

  test("it is of the same class, and catch and finally work", async () => {
    const { client, plain: untraced, provider, tracer } = await setup({ maxRetries: 0 });
    provider.reply = ({ body }) =>
      body.model === model ? { text: "Hello!" } : { status: 404, message: "no such model" };
    await tracer.trace("support", async () => {
      const promise = client.chat.completions.create(plain);
      expect(promise.constructor).toBe(untraced().chat.completions.create(plain).constructor);
      expect(await promise).toBe(await promise);
      let final = 0;
      const failing = client.chat.completions.create({ ...plain, model: "none" });
      const caught = await failing.finally(() => final += 1).catch((error) => error);
      expect(caught).toBeInstanceOf(OpenAI.NotFoundError);
      expect(await failing.catch((error) => error)).toBe(caught);
      expect(final).toBe(1);
    });
  });

  test("the helpers that are built on create: parse, stream, runTools", async () => {
    const { client, provider, tracer, sent } = await setup();
    const tool_calls = [{ id: "call_1", name: "find_order", arguments: '{"id":7}' }];
    provider.reply = ({ body }) => body.tools && body.messages.length === 1 ? { tool_calls } : { text: '{"order":7}' };
    const response_format = {
      type: "json_schema",
      json_schema: { name: "order", schema: { type: "object" } },
    } as const;
    const found: unknown[] = [];
    const find = {
      name: "find_order",
      description: "",
      parameters: {},
      parse: JSON.parse,
      function: (args: object) => {
        found.push(args);
        return "found";
      },
    };
    await tracer.trace("support", async () => {
      const parsed = await client.chat.completions.parse({ ...plain, response_format });
      expect(parsed.choices[0]!.message.parsed).toEqual({ order: 7 });
      expect(await client.chat.completions.stream(plain).finalContent()).toBe('{"order":7}');
      const runner = client.chat.completions.runTools({ ...plain, tools: [{ type: "function", function: find }] });
      expect(await runner.finalContent()).toBe('{"order":7}');
      expect((await client.responses.parse({ model, input: "Hi" })).output_text).toBe('{"order":7}');
      await client.responses.stream({ model, input: "Hi" }).done();
    });
    expect(found).toEqual([{ id: 7 }]);
    const [trace] = await sent();
    const chat = ["llm.chat", "llm.chat", "llm.chat", "llm.chat"];
    expect(trace!.steps.map((step) => step.name)).toEqual([...chat, "llm.responses", "llm.responses"]);
    expect(trace!.steps.map((step) => step.error)).toEqual(Array(6).fill(undefined));
    expect(trace!.io!.filter((io) => io.response === '{"order":7}')).toHaveLength(5);
  });
});

test("other clients: a promise that fails, a plain value, an answer of the wrong shape", async () => {
  const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
  const error = new Error("no");
  const results = [() => Promise.reject(error), () => "now", () => Promise.resolve({ output: 5, choices: "x" })];
  const client = traceOpenAI({ chat: { completions: { create: () => results.shift()!() } } }, tracer);
  await tracer.trace("support", async () => {
    await expect(client.chat.completions.create()).rejects.toBe(error);
    expect(client.chat.completions.create()).toBe("now");
    expect(await client.chat.completions.create()).toEqual({ output: 5, choices: "x" });
  });
  expect((await sent())[0]!.steps.map((step) => step.error)).toEqual(["no", undefined, undefined]);
});
