// Nothing here runs: tsc fails when what must not compile does, or the other way round.
import { createTracer, defineSteps, type StepTracer, type Tracer, type TracerOptions } from "../../tracer/index.ts";

const steps = defineSteps({ "llm.generate": "Writing the answer…", "exactly.twenty.chars": "Twenty" });
type Name = keyof typeof steps;

const options: TracerOptions<typeof steps> = { steps };
const tracer: Tracer<"llm.generate" | "exactly.twenty.chars"> = createTracer(options);

export function tables(): void {
  // @ts-expect-error: 21 characters.
  defineSteps({ "exactly.twentyone.cha": "Twenty-one" });
  // @ts-expect-error: one of them is too long.
  defineSteps({ ok: "Fine", "this.one.is.much.too.long": "Not fine" });
  // @ts-expect-error: a label is a string.
  defineSteps({ ok: 1 });
  // @ts-expect-error: it has no such step.
  steps["llm.generat"];
  // @ts-expect-error: nor can it be changed.
  steps["llm.generate"] = "Other";
}

export function names(): void {
  tracer.step("llm.generate", (step) => step.startStep("exactly.twenty.chars"));
  tracer.trace("any pipeline", (trace) => trace.startStep("llm.generate"));
  tracer.currentTrace()?.startStep("llm.generate");
  // @ts-expect-error: not in the table.
  tracer.step("llm.generat", () => {});
  // @ts-expect-error: not in the table.
  tracer.startStep("llm");
  // @ts-expect-error: not in the table, in a trace's handle.
  tracer.trace("p", (trace) => trace.startStep("llm"));
  // @ts-expect-error: not in the table, in a step's handle.
  tracer.step("llm.generate", (step) => step.startStep("llm"));
  // @ts-expect-error: not in the table, in the current trace.
  tracer.currentTrace()?.startStep("llm");
  const name: string = "made at run time";
  // @ts-expect-error: nobody knows what it will be.
  tracer.startStep(name);
}

export function rules(): void {
  createTracer({ steps, capture: { rate: 0.5, steps: { "llm.generate": "always" } } });
  // @ts-expect-error: not in the table.
  createTracer({ steps, capture: { steps: { "llm.generat": "never" } } });
  // @ts-expect-error: no such rule.
  createTracer({ steps, capture: { steps: { "llm.generate": "sometimes" } } });
  // Without a table, any name will do.
  createTracer({ capture: { steps: { anything: "never" } } }).step("anything.else", () => {});
}

export async function results(): Promise<void> {
  const sync: number = tracer.step("llm.generate", () => 1);
  const awaited: number = await tracer.step("llm.generate", () => Promise.resolve(1));
  const promised: Promise<string> = tracer.trace("p", async () => await Promise.resolve("x"));
  const nothing: void = tracer.background(() => Promise.resolve(1));
  // @ts-expect-error: it is a promise.
  const wrong: number = tracer.step("llm.generate", async () => await Promise.resolve(1));
  void [sync, awaited, promised, nothing, wrong];
}

/** A wrapper takes any tracer, and starts steps by names of its own. */
function wrapper(tracer: StepTracer): Promise<number> {
  tracer.currentTrace()?.set({ message_id: 1 });
  tracer.startStep(`http.${"host"}`).end();
  const sync: number = tracer.step("sync", () => 1);
  return tracer.step("any.name", async (step) => {
    step.startStep("llm.retry").fail(sync);
    return await Promise.resolve(1);
  });
}

export async function wrappers(
  one: Tracer<"a">,
  two: Tracer<"a" | "b">,
  any: Tracer,
  table: Tracer<Name>,
): Promise<void> {
  for (const tracer of [one, two, any, table]) await wrapper(tracer);
  await Promise.all([wrapper(one), wrapper(two), wrapper(any), wrapper(table)]);
  // @ts-expect-error: this is none.
  await wrapper({});
}
