import OpenAI from "openai";
import { Stream } from "openai/streaming";
import { describe, expect, test } from "vitest";
import { traceOpenAI } from "../../tracer/openai.ts";
import { memoryTracer } from "./_support/memory.ts";
import { listen, setup } from "./_support/openai.ts";

const messages = [{ role: "user" as const, content: "Hi there" }];
const model = "gpt-4o-mini";
const streamed = { model, messages, stream: true as const };
const metered = { ...streamed, stream_options: { include_usage: true } };

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("streams", () => {
  test("a chat completion: every chunk to the bot, the whole to the trace", async () => {
    const { client, plain, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello, Ada! 👋", reasoning: "greet", pauseMs: 15 });
    const expected = await collect(await plain().chat.completions.create(metered));
    const told = listen(tracer);
    const seen = await tracer.trace("support", async () => collect(await client.chat.completions.create(metered)));
    expect(seen).toEqual(expected);

    const [trace] = await sent();
    const [step] = trace!.steps;
    const { prompt_tokens, completion_tokens, completion_tokens_details } = seen.at(-1)!.usage!;
    expect(step).toMatchObject({
      name: "llm.chat",
      model,
      input_tokens: prompt_tokens,
      output_tokens: completion_tokens,
      reasoning_tokens: completion_tokens_details!.reasoning_tokens,
      cost_microusd: Math.round(prompt_tokens * 0.15 + completion_tokens * 0.6),
    });
    expect(step).not.toHaveProperty("error");
    expect(JSON.parse(trace!.io![0]!.response!)).toEqual({
      role: "assistant",
      content: "Hello, Ada! 👋",
      reasoning: "greet",
      finish_reason: "stop",
    });
    // The second event has the first token, and eight come after it, some of them perhaps at once on a busy machine.
    const firstToken = told.at(-1)!.first_token_ms!;
    expect(firstToken).toBeGreaterThanOrEqual(28);
    expect(firstToken).toBeLessThan(step!.duration_ms - 4 * 14);
  });

  test("a response, with a tool call", async () => {
    const { client, plain, provider, tracer, sent } = await setup();
    const tool_calls = [{ id: "call_1", name: "find_order", arguments: '{"id":7}' }];
    const usage = { input: 100, cached: 40, output: 30, reasoning: 10 };
    provider.reply = ({ body }) =>
      body.input === "tool" ? { text: "One moment", tool_calls, usage } : { text: "Hello!" };
    const ask = (openai: OpenAI, input: string) =>
      openai.responses.create({ model, input, stream: true }).then((stream) => collect(stream));
    const expected = await ask(plain(), "tool");
    const told = listen(tracer);
    const seen = await tracer.trace("support", async () => {
      await ask(client, "text");
      return ask(client, "tool");
    });
    expect(seen).toEqual(expected);
    const [trace] = await sent();
    expect(trace!.steps[1]).toMatchObject({
      name: "llm.responses",
      input_tokens: 100,
      cached_tokens: 40,
      output_tokens: 30,
      reasoning_tokens: 10,
      cost_microusd: 30,
    });
    expect(trace!.io![0]!.response).toBe("Hello!");
    expect(JSON.parse(trace!.io![1]!.response!).output).toMatchObject([
      { type: "message", content: [{ text: "One moment" }] },
      { type: "function_call", name: "find_order", arguments: '{"id":7}' },
    ]);
    expect(told.filter((call) => call.first_token_ms !== undefined).length).toBeGreaterThanOrEqual(2);
  });

  test("tool calls in pieces; without usage in the stream nothing is guessed", async () => {
    const { client, provider, tracer, sent } = await setup();
    const tool_calls = ["a", "b"].map((id) => ({ id, name: "find_order", arguments: `{"id":"${id}"}` }));
    provider.reply = () => ({ tool_calls });
    await tracer.trace("support", async () => collect(await client.chat.completions.create(streamed)));
    const [trace] = await sent();
    expect(trace!.steps[0]).not.toHaveProperty("input_tokens");
    expect(trace!.steps[0]).not.toHaveProperty("cost_microusd");
    expect(JSON.parse(trace!.io![0]!.response!)).toMatchObject({
      finish_reason: "tool_calls",
      tool_calls: tool_calls.map(({ id, ...fn }) => ({ id, type: "function", function: fn })),
    });
  });

  test("each event comes at once: the provider waits for the bot to have the one before", async () => {
    const { client, provider, tracer, sent } = await setup();
    let seen!: () => void;
    const until = new Promise<void>((resolve) => seen = resolve);
    provider.reply = () => ({ text: "Hello!", at: 2, until });
    await tracer.trace("support", async () => {
      for await (const chunk of await client.chat.completions.create(streamed)) {
        if (chunk.choices[0]!.delta.content === "Hel") seen();
      }
    });
    expect((await sent())[0]!.io![0]!.response).toBe("Hello!");
  });

  test("the bot leaves the loop: the step ends, and the connection with it", async () => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello!", at: 2, then: "stall" });
    await tracer.trace("support", async () => {
      for await (const chunk of await client.chat.completions.create(streamed)) {
        if (chunk.choices[0]!.delta.content) break;
      }
      await provider.requests[0]!.gone;
      await tracer.step("after", () => new Promise((resolve) => setTimeout(resolve, 20)));
    });
    const [trace] = await sent();
    expect(trace!.steps[0]).not.toHaveProperty("error");
    expect(trace!.steps[0]!.duration_ms).toBeLessThanOrEqual(trace!.duration_ms! - 18);
    expect(trace!.io![0]!.response).toBe("Hel");
  });

  test.each(["controller", "signal"])("aborted by the %s, with nobody reading any more", async (by) => {
    const { client, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello!", at: 2, then: "stall" });
    let events!: AsyncIterator<unknown>;
    await tracer.trace("support", async () => {
      const abort = new AbortController();
      const stream = await client.chat.completions.create(streamed, { signal: abort.signal });
      events = stream[Symbol.asyncIterator]();
      await events.next();
      await events.next();
      if (by === "signal") abort.abort();
      else stream.controller.abort();
      await provider.requests[0]!.gone;
    });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    const [trace] = await sent();
    expect(trace!.steps).toHaveLength(1);
    expect(trace!.steps[0]).not.toHaveProperty("error");
    expect(trace!.io![0]!.response).toBe("Hel");
  });

  test.each([
    { then: "die" as const, error: "terminated" },
    { then: "error" as const, error: "The server had an error" },
  ])("broken off by the provider ($then): the bot's error, and what came so far", async ({ then, error }) => {
    const { client, plain, provider, tracer, sent } = await setup();
    provider.reply = () => ({ text: "Hello!", at: 2, then });
    const failed = async (openai: OpenAI) => {
      const stream = await openai.chat.completions.create(streamed);
      return await collect(stream).catch((error) => error);
    };
    const expected = await failed(plain());
    const seen = await tracer.trace("support", () => failed(client));
    expect(seen).toBeInstanceOf(expected.constructor);
    expect(seen.message).toBe(error);
    const [trace] = await sent();
    expect(trace).toMatchObject({ status: "ok", steps: [{ status: "error", error }] });
    expect(trace!.io![0]!.response).toBe("Hel");
  });

  test("a response that fails says so in an event", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    const failed = { type: "response.failed", response: { model, error: { code: "server_error", message: "broken" } } };
    const events = [{ type: "response.output_text.delta", output_index: 0, delta: "Hel" }, failed];
    const client = strangeClient(() => events);
    await tracer.trace("support", async () => collect(await client.chat.completions.create()));
    const [trace] = await sent();
    expect(trace!.steps[0]).toMatchObject({ status: "error", error: "broken", model });
    expect(trace!.io![0]!.response).toContain("Hel");

    function strangeClient(list: () => object[]) {
      const create = () =>
        Promise.resolve((async function* () {
          yield* list();
        })());
      return traceOpenAI({ chat: { completions: { create } } }, tracer);
    }
  });

  test("what the bot does between the events, and after them, is not part of the call", async () => {
    const { client, tracer, sent } = await setup();
    await tracer.trace("support", async () => {
      for await (const _ of await client.chat.completions.create(streamed)) tracer.step("draw", () => {});
      tracer.step("done", () => {});
    });
    const [trace] = await sent();
    expect(trace!.steps.map((step) => `${step.name}<${step.parent ?? 0}`)).toEqual([
      "llm.chat<0",
      ...Array(4).fill("draw<0"),
      "done<0",
    ]);
  });

  test("a stream that nobody reads holds up nothing, and its trace says so", async () => {
    const { client, tracer, sent } = await setup();
    await tracer.trace("support", async () => void await client.chat.completions.create(streamed));
    const [trace] = await sent();
    expect(trace).toMatchObject({ status: "ok", steps: [{ error: "still running when the trace ended" }] });
  });

  test("a stream that outlives its trace is read on", async () => {
    const { client, tracer, sent } = await setup();
    let stream!: AsyncIterable<{ choices: { delta: { content?: string | null } }[] }>;
    await tracer.trace("support", async () => void (stream = await client.chat.completions.create(streamed)));
    const chunks = await collect(stream);
    expect(chunks.map((chunk) => chunk.choices[0]!.delta.content ?? "").join("")).toBe("Hello!");
    expect((await sent())[0]!.steps).toHaveLength(1);
  });

  test("tee, toReadableStream and a second reading are the client's own", async () => {
    const { client, tracer, sent } = await setup();
    await tracer.trace("support", async () => {
      const stream = await client.chat.completions.create(streamed);
      expect(stream).toBeInstanceOf(Stream);
      const [left, right] = stream.tee();
      expect(await collect(left)).toEqual(await collect(right));
      await expect(collect(stream)).rejects.toThrow("Cannot iterate over a consumed stream");
      const readable = (await client.chat.completions.create(streamed)).toReadableStream();
      const again = Stream.fromReadableStream(readable, new AbortController());
      expect(await collect(again)).toHaveLength(4);
    });
    const [trace] = await sent();
    expect(trace!.steps.map((step) => step.error)).toEqual([undefined, undefined]);
    expect(trace!.io!.map((io) => io.response)).toEqual(["Hello!", "Hello!"]);
  });
});

describe("clients of another make", () => {
  test("leaving the loop ends the step where there is no controller, and the stream hears of it", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    let left = false;
    const stream = async function* () {
      try {
        while (true) yield await Promise.resolve({ choices: [{ delta: { content: "x" } }] });
      } finally {
        left = true;
      }
    };
    const client = traceOpenAI({ chat: { completions: { create: () => Promise.resolve(stream()) } } }, tracer);
    await tracer.trace("support", async () => {
      for await (const _ of await client.chat.completions.create()) break;
    });
    expect(left).toBe(true);
    const [trace] = await sent();
    expect(trace!.steps[0]).not.toHaveProperty("error");
    expect(trace!.io![0]!.response).toBe("x");
  });

  test("an event is asked for when the bot asks, and nonsense in it stays the bot's affair", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    const nonsense = [null, 5, {}, { choices: null }, { choices: [null] }, {
      choices: [{ index: 1e9, delta: { content: "x" } }],
    }];
    let pulled = 0;
    const events: AsyncIterator<unknown> = {
      next: () =>
        Promise.resolve(pulled < 6 ? { done: false, value: nonsense[pulled++] } : { done: true, value: undefined }),
    };
    const create = () => Promise.resolve({ [Symbol.asyncIterator]: () => events });
    const client = traceOpenAI({ chat: { completions: { create } } }, tracer);
    const seen: unknown[] = [];
    await tracer.trace("support", async () => {
      for await (const event of await client.chat.completions.create()) {
        seen.push(event);
        expect(pulled).toBe(seen.length);
      }
    });
    expect(seen).toEqual(nonsense);
    expect((await sent())[0]!.steps[0]).toMatchObject({ name: "llm.chat" });
    expect((await sent())[0]!.steps[0]).not.toHaveProperty("error");
  });
});
