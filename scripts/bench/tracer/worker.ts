/**
 * A process in which one tracer is measured, on demand of the benchmark that started it.
 *
 * Only what the code that is traced waits for is timed. What a tracer does besides, in timers, is done between the samples;
 * it is in the CPU time.
 *
 * @module
 */
import process from "node:process";
import { setImmediate } from "node:timers/promises";

export type Work = () => Promise<unknown>;

/** What is compared. The functions are made once, as an app makes those that it calls again and again. */
export interface Contender {
  /** `work` as a step of the trace or step around it. */
  step(name: string, work: Work): Work;
  trace(name: string, work: Work): Work;
  /** Until all that was recorded has come to its sink. */
  settle(): Promise<unknown>;
  /** Traces that have come to the sink; undefined where that cannot be told. */
  taken(): number | undefined;
}

export type Demand =
  /** Microseconds of a step or a trace, each the mean of a few. */
  | { kind: "time"; what: "step" | "trace"; samples: number }
  /** Bytes that a step allocates. */
  | { kind: "allocate"; rounds: number }
  /** Bytes by which the heap has grown over this many steps. */
  | { kind: "grow"; steps: number };

export interface Answer {
  values: number[];
  /** Microseconds of CPU time, all threads', of each step or trace. */
  cpu: number;
}

/** Small enough that a percentile is one of something, large enough for the clock. */
export const STEPS_A_SAMPLE = 20;
export const TRACES_A_SAMPLE = 5;
/** Below what a trace may have, and what queues hold. */
const STEPS_ALLOCATED = 900;
const STEPS_A_TRACE = 5;

/** As little as a step can wait for. */
async function work(): Promise<void> {
  await undefined;
}

const gc = () => (globalThis as unknown as { gc(): void }).gc();
const heap = () => process.memoryUsage().heapUsed;

export function measure(contender: Contender): void {
  let traces = 0;
  const step = contender.step("llm.answer", work);
  const plain = contender.step("db.orders", work);
  const nested = contender.step("llm.check", () => plain());
  const five = contender.trace("support", async () => {
    await plain();
    await step();
    await nested();
    await plain();
  });

  /** Runs `fn` in a trace of its own. */
  let inTrace: Work = work;
  const around = contender.trace("support", () => inTrace());
  async function traced(fn: Work): Promise<void> {
    traces++;
    inTrace = fn;
    await around();
  }

  async function sampleSteps(): Promise<number> {
    let us = 0;
    await traced(async () => {
      const began = performance.now();
      for (let i = 0; i < STEPS_A_SAMPLE; i++) await step();
      us = (performance.now() - began) * 1000 / STEPS_A_SAMPLE;
    });
    return us;
  }

  async function sampleTraces(): Promise<number> {
    traces += TRACES_A_SAMPLE;
    const began = performance.now();
    for (let i = 0; i < TRACES_A_SAMPLE; i++) await five();
    return (performance.now() - began) * 1000 / TRACES_A_SAMPLE;
  }

  async function time(what: "step" | "trace", samples: number): Promise<Answer> {
    const sample = what === "step" ? sampleSteps : sampleTraces;
    const values: number[] = [];
    const before = process.cpuUsage();
    for (let i = 0; i < samples; i++) {
      values.push(await sample());
      await setImmediate();
    }
    await contender.settle();
    const { user, system } = process.cpuUsage(before);
    return { values, cpu: (user + system) / samples / (what === "step" ? STEPS_A_SAMPLE : TRACES_A_SAMPLE) };
  }

  /** From one collection to the next: what is allocated stays in the heap until then, as none comes between. */
  async function allocate(rounds: number): Promise<Answer> {
    const values: number[] = [];
    for (let i = 0; i < rounds; i++) {
      await traced(async () => {
        gc();
        const before = heap();
        for (let i = 0; i < STEPS_ALLOCATED; i++) await step();
        values.push((heap() - before) / STEPS_ALLOCATED);
      });
      await contender.settle();
    }
    return { values, cpu: 0 };
  }

  async function grow(steps: number): Promise<Answer> {
    const run = async (steps: number) => {
      for (let left = steps; left > 0; left -= TRACES_A_SAMPLE * STEPS_A_TRACE) {
        await sampleTraces();
        await setImmediate();
      }
      await contender.settle();
      gc();
      return heap();
    };
    // What is made once, such as compiled code, is made by then.
    const before = await run(steps / 5);
    return { values: [await run(steps) - before], cpu: 0 };
  }

  async function answer(demand: Demand): Promise<Answer> {
    const { kind } = demand;
    const answer = kind === "time"
      ? await time(demand.what, demand.samples)
      : kind === "allocate"
      ? await allocate(demand.rounds)
      : await grow(demand.steps);
    const taken = contender.taken() ?? traces;
    if (taken !== traces) throw new Error(`of ${traces} traces ${taken} have come to the sink`);
    return answer;
  }

  process.on("message", (demand: Demand) => void answer(demand).then((result) => process.send!(result)));
  process.on("disconnect", () => process.exit());
}
