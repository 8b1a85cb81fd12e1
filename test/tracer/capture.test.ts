import { describe, expect, test } from "vitest";
import { captured } from "../../tracer/capture.ts";
import { defineSteps } from "../../tracer/index.ts";
import { MARGIN } from "../../tracer/text.ts";
import { MAX_ERROR, MAX_IO_CHARS, type WireTrace } from "../../tracer/wire.ts";
import { memoryTracer } from "./_support/memory.ts";

const steps = defineSteps({ audit: "…", "pii.lookup": "…", llm: "…" });
const names = ({ io = [], steps }: WireTrace) => io.map(({ step }) => steps[step - 1]!.name);

describe("which steps", () => {
  async function record(rate: number, fail: boolean) {
    const { tracer, sent } = memoryTracer({
      steps,
      capture: { rate, steps: { audit: "always", "pii.lookup": "never" } },
    });
    tracer.trace("p", (trace) => {
      for (const name of ["audit", "pii.lookup", "llm"] as const) {
        tracer.step(name, (step) => step.llm({ model: "m", request: `${name} asks`, response: "a" }));
      }
      if (fail) trace.fail("no");
    });
    return (await sent())[0]!;
  }

  test.each([
    ["in the sample", 1, false, ["audit", "llm"]],
    ["out of the sample", 0, false, ["audit"]],
    ["failed, out of the sample", 0, true, ["audit", "llm"]],
  ])("of a trace %s: always, never, and the rest", async (_, rate, fail, kept) => {
    const trace = await record(rate, fail);
    expect(names(trace)).toEqual(kept);
    expect(JSON.stringify(trace)).not.toContain("pii.lookup asks");
    // Only the texts stay here.
    expect(trace.steps[1]).toMatchObject({ name: "pii.lookup", model: "m" });
  });

  test("never is for what is below the step too, and always for the step alone", async () => {
    const { tracer, sent } = memoryTracer({
      capture: { rate: 0, steps: { "pii.lookup": "never", audit: "always" } },
    });
    const ask = (name: string) => tracer.step(name, (step) => step.llm({ request: `${name} asks` }));
    await tracer.trace("p", (trace) =>
      tracer.step("pii.lookup", async () => {
        ask("llm.chat");
        tracer.step("inner", () => ask("audit"));
        trace.background(() => ask("in.task"));
        await Promise.resolve();
      }));
    tracer.trace("p", () => tracer.step("audit", () => ask("llm.chat")));
    tracer.trace("p", () => ask("audit"));
    expect((await sent()).map(names)).toEqual([[], [], ["audit"]]);
  });

  test("a name too long for a step is the step's as it is recorded", async () => {
    const name = "a.name.of.25.characters.!";
    const { tracer, sent } = memoryTracer({ capture: { rate: 1, steps: { [name]: "never" } } });
    tracer.trace("p", () => tracer.step(name, (step) => step.llm({ request: "q" })));
    expect((await sent())[0]).not.toHaveProperty("io");
  });

  test("a step that outlives its trace is an error too; a detached one is none", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 0 }, backgroundMs: 1 });
    const hang = () => new Promise(() => {});
    const start = () =>
      void tracer.step("llm", (step) => {
        step.llm({ request: "q" });
        return hang();
      });
    await tracer.trace("unfinished", () => Promise.resolve(start()));
    tracer.trace("detached", (trace) => trace.background(() => (start(), hang())));
    await expect.poll(() => tracer.stats().recorded).toBe(2);
    const kept = (await sent()).map((trace) => [trace.pipeline, names(trace)]);
    expect(Object.fromEntries(kept)).toEqual({ unfinished: ["llm"], detached: [] });
  });

  test("a smaller share is a part of a larger one", async () => {
    const kept = (traces: WireTrace[]) => traces.filter((trace) => trace.io).map((trace) => trace.trace_id);
    const shares: string[][] = [];
    const random = crypto.randomUUID;
    for (const rate of [0.05, 0.3]) {
      let n = 0;
      crypto.randomUUID = () => `00000000-0000-4000-8000-00000000${(n++ * 131 % 65536).toString(16).padStart(4, "0")}`;
      try {
        const { tracer, sent } = memoryTracer({ capture: { rate } });
        for (let i = 0; i < 500; i++) tracer.trace("p", () => tracer.step("llm", (step) => step.llm({ request: "q" })));
        shares.push(kept(await sent()).map((id) => id.slice(-4)));
      } finally {
        crypto.randomUUID = random;
      }
    }
    expect(shares[0]!.length).toBeGreaterThan(10);
    expect(shares[1]).toEqual(expect.arrayContaining(shares[0]!));
    expect(shares[1]!.length).toBeGreaterThan(shares[0]!.length);
  });
});

describe("what is told of a call", () => {
  const json = (value: unknown) => {
    const kept = captured(value)!;
    return typeof kept.value === "string" ? kept.value : JSON.stringify(kept.value);
  };

  test("becomes JSON as JSON.stringify has it", () => {
    const value = {
      messages: [{ role: "user", content: 'say "hi"\n' }, { role: "tool", content: null, n: 1.5, ok: true }],
      at: new Date(0),
      url: new URL("https://example.com/"),
      nothing: undefined,
      call() {},
      list: [undefined, NaN],
    };
    expect(json(value)).toBe(JSON.stringify(value));
  });

  test("big integers and bytes are told too; what fails or contains itself is not", () => {
    const circular: Record<string, unknown> = {};
    circular.self = [circular];
    const throwing = {
      get secret() {
        throw new Error("no");
      },
    };
    expect(json({ n: 10n, bytes: new Uint8Array(1000), buffer: Buffer.from("x") })).toBe(
      '{"n":"10","bytes":"[1000 bytes]","buffer":"[1 bytes]"}',
    );
    expect(json(circular)).toBe("[not serialisable]");
    expect(json(throwing)).toBe("[not serialisable]");
    for (const nothing of [undefined, () => {}, Symbol()]) expect(captured(nothing)).toBeUndefined();
  });

  test("an error tells its name and message, and what it has of its own", () => {
    expect(JSON.parse(json({ error: Object.assign(new TypeError("no"), { status: 400 }) }))).toEqual({
      error: { name: "TypeError", message: "no", status: 400 },
    });
  });

  test("is a copy: what the bot does to it later does not matter", () => {
    const messages = [{ content: "before" }];
    const kept = captured({ messages })!;
    messages[0]!.content = "after";
    messages.push({ content: "more" });
    expect(JSON.stringify(kept.value)).toBe('{"messages":[{"content":"before"}]}');
  });
});

describe("what is too long", () => {
  const longest = 100 * 1024 * 1024;

  test("100 MB cost the handler and the flush no more than what is kept of them", async () => {
    let masked = 0;
    const { tracer, sent } = memoryTracer({
      capture: { rate: 1 },
      mask: (text) => {
        masked += text.length;
        return text;
      },
    });
    const huge = "x".repeat(longest);
    huge.charCodeAt(longest - 1); // made flat now, not when it is measured
    let toldMs = Infinity;
    tracer.trace("p", (trace) => {
      tracer.step("llm", (step) => {
        // The machine may be busy with something else, though not five times.
        for (let i = 0; i < 5; i++) {
          const start = performance.now();
          step.llm({ request: huge, response: { messages: [{ content: huge }, { content: huge }], n: 1 } });
          toldMs = Math.min(toldMs, performance.now() - start);
        }
      });
      trace.fail(new Error(huge));
    });
    const [trace] = await sent();
    expect(toldMs).toBeLessThan(20);
    expect(masked).toBeLessThan(3 * (MAX_IO_CHARS + MARGIN));
    const [io] = trace!.io!;
    expect(io).toMatchObject({ step: 1, request_chars: longest });
    expect(io!.request).toBe("x".repeat(MAX_IO_CHARS));
    expect(io!.response).toHaveLength(MAX_IO_CHARS);
    // Of what comes after the cut, the length is not known.
    expect(io!.response_chars).toBeGreaterThan(longest);
    expect(io!.response_chars).toBeLessThan(3 * longest);
    expect(trace!.error).toHaveLength(MAX_ERROR);
    expect(trace!.error).toMatch(/x… \[104857600 characters\]$/);
  });

  test("a million small values do not, either", () => {
    let reads = 0;
    const item = {
      get text() {
        reads += 1;
        return "x";
      },
    };
    const kept = captured(Array(1_000_000).fill(item))!;
    expect(reads).toBeLessThan(MAX_IO_CHARS);
    const text = JSON.stringify(kept.value);
    expect(text.length).toBeGreaterThan(MAX_IO_CHARS + MARGIN);
    expect(text.length).toBeLessThan(10 * MAX_IO_CHARS);
    expect(kept.omitted).toBeGreaterThan(900_000);
  });

  test("what there is no room for is not gone through", () => {
    const start = performance.now();
    const sparse = captured(new Array(3e8))!;
    expect(performance.now() - start).toBeLessThan(1000);
    expect(sparse.omitted).toBeGreaterThan(2e8);
    let reads = 0;
    const fields: Record<string, unknown> = {};
    for (let i = 0; i < 100_000; i++) {
      Object.defineProperty(fields, `k${i}`, { enumerable: true, get: () => reads += 1 });
    }
    expect(captured(fields)!.omitted).toBeGreaterThan(80_000);
    expect(reads).toBeLessThan(MAX_IO_CHARS);
  });

  test("no half of a secret is left at any edge, though masks make the text shorter", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    const email = "somebody@example.com ";
    tracer.trace("p", () => {
      for (let shift = 0; shift < email.length; shift++) {
        const request = "y".repeat(shift) + email.repeat(20_000);
        tracer.step("llm", (step) => step.llm({ request, response: [request] }));
      }
    });
    for (const io of (await sent())[0]!.io!) {
      for (const text of [io.request!, io.response!]) {
        expect(text.length).toBeGreaterThan(10_000);
        expect(text).not.toMatch(/example|some/);
      }
    }
  });
});
