import { AsyncResource } from "node:async_hooks";
import { EventEmitter, once } from "node:events";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { memoryTracer } from "./_support/memory.ts";

/** Numbers from 0 to 1, the same for the same seed. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A pool as drivers have it: callbacks come from a worker that was there before any trace. */
function startPool() {
  const jobs: (() => void)[] = [];
  const timer = setInterval(() => {
    for (const job of jobs.splice(0)) job();
  }, 1);
  onTestFinished(() => clearInterval(timer));
  return { submit: (job: () => void) => void jobs.push(job) };
}

describe("a step finds the step around it", () => {
  type Way = (leaf: () => void) => unknown;
  const ways: Record<string, Way> = {
    "await": async (leaf) => {
      await null;
      await delay(1);
      leaf();
    },
    "Promise.all": (leaf) => Promise.all([delay(1), Promise.resolve().then(leaf)]),
    "setTimeout": (leaf) => new Promise<void>((resolve) => setTimeout(() => resolve(leaf()), 1)),
    "setInterval": (leaf) =>
      new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          clearInterval(timer);
          resolve(leaf());
        }, 1);
      }),
    "setImmediate": (leaf) => new Promise<void>((resolve) => setImmediate(() => resolve(leaf()))),
    "queueMicrotask": (leaf) => new Promise<void>((resolve) => queueMicrotask(() => resolve(leaf()))),
    "process.nextTick": (leaf) => new Promise<void>((resolve) => process.nextTick(() => resolve(leaf()))),
    "an emitter from outside, emitting inside": async (leaf) => {
      const event = Symbol();
      outside.once(event, leaf);
      await delay(1);
      outside.emit(event);
    },
    "an emitter's promise": async (leaf) => {
      setTimeout(() => outside.emit("later"), 1);
      await once(outside, "later");
      leaf();
    },
    "a node stream": (leaf) =>
      pipeline(
        Readable.from(["a", "b"]),
        new Transform({
          transform(chunk, _, done) {
            if (String(chunk) === "b") leaf();
            setImmediate(done, null, chunk);
          },
        }),
        async (source) => {
          for await (const _ of source);
        },
      ),
    "a web stream": async (leaf) => {
      const stream = new ReadableStream<string>({
        async start(controller) {
          await delay(1);
          controller.enqueue("a");
          controller.close();
        },
      });
      for await (const _ of stream as unknown as AsyncIterable<string>) leaf();
    },
    "an async generator that was made outside": async (leaf) => {
      for await (const n of count(2)) if (n === 1) leaf();
    },
    "AsyncResource.bind, called from a pool": (leaf) =>
      new Promise<void>((resolve) => pool.submit(AsyncResource.bind(() => resolve(leaf())))),
  };
  const outside = new EventEmitter();
  let pool: ReturnType<typeof startPool>;
  async function* count(to: number) {
    for (let n = 0; n < to; n++) {
      await delay(1);
      yield n;
    }
  }

  test.each(Object.keys(ways))("through %s", async (name) => {
    pool = startPool();
    const { tracer, sent } = memoryTracer();
    // Two at a time: whoever forgets where it is cannot be right about both.
    await Promise.all(["a", "b"].map((which) =>
      tracer.trace(which, () =>
        tracer.step(`${which}.around`, async () => {
          await ways[name]!(() => tracer.step(`${which}.leaf`, () => {}));
        }))
    ));
    const traces = await sent();
    expect(traces).toHaveLength(2);
    for (const { pipeline, steps } of traces) {
      expect(steps.map(({ name, parent }) => [name, parent])).toEqual([
        [`${pipeline}.around`, undefined],
        [`${pipeline}.leaf`, 1],
      ]);
    }
    expect(tracer.stats().orphanSteps).toBe(0);
  });

  test("a listener runs where its emitter emits, unless it is bound to where it was added", async () => {
    const { tracer, sent } = memoryTracer();
    const leaf = () => tracer.step("leaf", () => {});
    tracer.trace("listens", () =>
      tracer.step("around", () => {
        outside.once("bound", AsyncResource.bind(leaf));
        outside.once("bare", leaf);
        outside.emit("bound");
      }));
    tracer.trace("emits", () => outside.emit("bare"));
    expect((await sent()).map(({ pipeline, steps }) => [pipeline, steps.map((step) => step.name)])).toEqual([
      ["listens", ["around", "leaf"]],
      ["emits", ["leaf"]],
    ]);
  });

  test("a pool's callback belongs to no trace, until a handle's run says where it is", async () => {
    pool = startPool();
    const { tracer, problems, sent } = memoryTracer();
    await tracer.trace("p", () =>
      tracer.step("db.query", async (step) => {
        await new Promise<void>((resolve) => pool.submit(() => resolve(tracer.step("lost", () => {}))));
        await new Promise<void>((resolve) =>
          pool.submit(() => step.run(() => resolve(tracer.step("found", () => {}))))
        );
      }));
    expect((await sent())[0]!.steps).toMatchObject([{ name: "db.query" }, { name: "found", parent: 1 }]);
    expect(tracer.stats().orphanSteps).toBe(1);
    expect(problems).toEqual([{ code: "orphan_step", message: "A step ran outside any trace: lost" }]);
  });
});

test.each([1, 2, 3])(
  "1,000 interleaved updates with random timers, seed %i: not one step in a wrong trace",
  async (seed) => {
    const random = seeded(seed);
    const { tracer, sent } = memoryTracer();
    const expected = new Map<string, string[]>();

    const wait = () => {
      const kind = random();
      if (kind < 0.3) return Promise.resolve();
      if (kind < 0.5) return new Promise<void>((resolve) => setImmediate(resolve));
      return delay(random() * 8);
    };
    /** Runs a random tree of steps. Each tells its own way from the root, and so what its ancestors must be. */
    const grow = async (way: string, depth: number, ways: string[]): Promise<void> => {
      const children = depth > 3 ? 0 : Math.floor(random() * 3.5);
      const parallel = random() < 0.5;
      const all: Promise<void>[] = [];
      for (let i = 0; i < children; i++) {
        const here = `${way}.${i}`;
        ways.push(here);
        const child = tracer.step(here, async (step) => {
          await wait();
          step.llm({ model: here });
          await grow(here, depth + 1, ways);
          await wait();
        });
        if (parallel) all.push(child);
        else await child;
      }
      await Promise.all(all);
    };
    await Promise.all(Array.from({ length: 1000 }, (_, n) => {
      const ways: string[] = [];
      expected.set(String(n), ways);
      return tracer.trace(String(n), async (trace) => {
        await wait();
        await grow(String(n), 0, ways);
        await wait();
        expect(tracer.currentTraceId()).toBe(trace.id);
      });
    }));

    const traces = await sent();
    expect(traces).toHaveLength(1000);
    let steps = 0;
    for (const trace of traces) {
      const found = trace.steps.map((step) => {
        const parent = step.parent === undefined ? trace.pipeline : trace.steps[step.parent - 1]!.name;
        expect(step.name).toMatch(new RegExp(`^${parent.replaceAll(".", "\\.")}\\.\\d$`));
        expect(step.model).toBe(step.name);
        return step.name;
      });
      expect(found.sort()).toEqual(expected.get(trace.pipeline)!.sort());
      steps += found.length;
    }
    expect(steps).toBeGreaterThan(3000);
    expect(tracer.stats().orphanSteps).toBe(0);
  },
);

describe("using", () => {
  test("ends a step and a trace with their block, even when it throws", async () => {
    const { tracer, sent } = memoryTracer();
    const work = () => {
      using trace = tracer.startTrace("by.hand");
      {
        using step = trace.startStep("first");
        step.llm({ model: "m" });
      }
      using step = trace.startStep("second");
      step.run(() => tracer.step("inside", () => {}));
      throw new Error("left early");
    };
    expect(work).toThrow("left early");
    const [trace] = await sent();
    expect(trace).toMatchObject({
      status: "ok",
      steps: [{ name: "first", model: "m" }, { name: "second" }, { name: "inside", parent: 2 }],
    });
    for (const step of trace!.steps) expect(step).not.toHaveProperty("status");
  });

  test("in async code, too", async () => {
    const { tracer, sent } = memoryTracer();
    await tracer.trace("p", async () => {
      using step = tracer.startStep("slow");
      await delay(5);
      step.fail("no");
    });
    expect((await sent())[0]!.steps).toMatchObject([{ name: "slow", status: "error", error: "no" }]);
    expect((await sent())[0]!.steps[0]!.duration_ms).toBeGreaterThanOrEqual(4);
  });
});
