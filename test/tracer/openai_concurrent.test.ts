import type OpenAI from "openai";
import { expect, test } from "vitest";
import { traceOpenAI } from "../../tracer/openai.ts";
import type { WireStep, WireTrace } from "../../tracer/wire.ts";
import { type ProviderRequest, type Reply, setup } from "./_support/openai.ts";

const TRACES = 50;
const model = "gpt-4o-mini";

/** Of call `c` of trace `t`; no two calls have the same. */
const usageOf = (t: number, c: number) => ({
  input: 1000 + t * 4 + c,
  cached: 100 + t,
  output: 500 - t * 4 - c,
  reasoning: 3 * t + c,
});

/** Every call says which it is, and gets an answer of its own; half of them fail at first, some twice. */
function reply({ body, attempt }: ProviderRequest): Reply {
  const content: string = body.input ?? body.messages[0].content;
  const [t, c] = content.match(/\d+/g)!.map(Number) as [number, number];
  const headers = { "retry-after-ms": String(1 + (t * 7) % 20) };
  if (attempt < retriesOf(t, c)) {
    return { status: attempt === 0 ? 429 : 500, message: `not yet, ${content}`, headers };
  }
  return { text: `answer to ${content}`, usage: usageOf(t, c), pauseMs: (t * 3 + c) % 5 };
}

const retriesOf = (t: number, c: number) => (t + c) % 2 === 0 ? 0 : 1 + t % 2;

/** The four calls of a trace: plain and streamed, with the cost from the table and from the provider. */
const CALLS = [
  (openai: OpenAI, _router: OpenAI, content: string) =>
    openai.chat.completions.create({ model, messages: [{ role: "user", content }] }),
  async (_openai: OpenAI, router: OpenAI, content: string) => {
    const usage = { usage: { include: true } };
    const stream = await router.chat.completions.create({
      model,
      messages: [{ role: "user", content }],
      stream: true,
      ...usage,
    });
    for await (const _ of stream) { /* to its end */ }
  },
  async (openai: OpenAI, _router: OpenAI, input: string) => {
    for await (const _ of await openai.responses.create({ model, input, stream: true })) { /* to its end */ }
  },
  (_openai: OpenAI, router: OpenAI, content: string) => {
    const usage = { usage: { include: true } };
    return router.chat.completions.create({ model, messages: [{ role: "user", content }], ...usage });
  },
];

test("200 calls at once in 50 traces: each has its own, and the bill is the sum of what is recorded", async () => {
  const { client, plain, provider, tracer, sent } = await setup();
  provider.reply = reply;
  const router = traceOpenAI(plain({ baseURL: provider.routerUrl }), tracer);
  await Promise.all(
    Array.from(
      { length: TRACES },
      (_, t) =>
        tracer.trace(
          `trace ${t}`,
          () =>
            Promise.all(CALLS.map((call, c) => tracer.step(`call ${c}`, () => call(client, router, `t${t} c${c}`)))),
        ),
    ),
  );

  const traces = await sent();
  expect(traces).toHaveLength(TRACES);
  for (const trace of traces) checkTrace(trace);
  const costs = traces.flatMap((trace) => trace.steps.map((step) => step.cost_microusd ?? 0));
  expect(provider.billed).toBe(costs.reduce((sum, cost) => sum + cost, 0));
  expect(provider.billed).toBeGreaterThan(50_000);
  expect(tracer.stats()).toMatchObject({ orphanSteps: 0, dropped: {} });
});

function checkTrace({ pipeline, steps, io }: WireTrace): void {
  const t = Number(pipeline.split(" ")[1]);
  expect(steps).toHaveLength(8 + CALLS.reduce((sum, _, c) => sum + retriesOf(t, c), 0));
  const below = (parent: number) => steps.flatMap((step, i) => step.parent === parent ? [{ ...step, at: i + 1 }] : []);
  for (const c of CALLS.keys()) {
    const content = `t${t} c${c}`;
    const [call, ...more] = below(steps.findIndex((step) => step.name === `call ${c}`) + 1) as [
      WireStep & { at: number },
    ];
    expect(more).toEqual([]);
    const { input, cached, output, reasoning } = usageOf(t, c);
    expect(call).toMatchObject({
      name: c === 2 ? "llm.responses" : "llm.chat",
      model,
      input_tokens: input,
      cached_tokens: cached,
      output_tokens: output,
      reasoning_tokens: reasoning,
    });
    expect(call).not.toHaveProperty("error");
    const texts = io!.find((texts) => texts.step === call.at)!;
    expect(texts.request).toContain(`"${content}"`);
    expect(texts.response).toBe(`answer to ${content}`);
    const retries = below(call.at);
    expect(retries.map((step) => step.error)).toEqual(
      [`429 not yet, ${content}`, `500 not yet, ${content}`].slice(0, retriesOf(t, c)),
    );
    for (const retry of retries) {
      expect(retry.offset_ms).toBeGreaterThanOrEqual(call.offset_ms);
      expect(retry.offset_ms + retry.duration_ms).toBeLessThanOrEqual(call.offset_ms + call.duration_ms);
    }
  }
}
