import { expect, test } from "vitest";
import { createTracer, defineSteps } from "../../tracer/index.ts";
import { memoryTracer } from "./_support/memory.ts";

const steps = defineSteps({ "llm.generate": "Writing the answer…", "exactly.twenty.chars": "Twenty" });

test("names of the table are the only ones that compile", async () => {
  const { tracer, sent } = memoryTracer({ steps });
  tracer.trace("p", (trace) => {
    tracer.step("llm.generate", (step) => step.startStep("exactly.twenty.chars").end());
    // @ts-expect-error: not in the table. It is recorded all the same.
    trace.startStep("llm.generat").end();
  });
  expect((await sent())[0]!.steps.map((step) => step.name)).toEqual([
    "llm.generate",
    "exactly.twenty.chars",
    "llm.generat",
  ]);
});

test("a name of 21 characters does not compile", () => {
  // @ts-expect-error: too long.
  expect(defineSteps({ "exactly.twentyone.cha": "Twenty-one" })).toBeDefined();
});

test("without a table, any name compiles", () => {
  const tracer = createTracer({ flushOnExit: false, onError: () => {} });
  expect(tracer.step(`step.${1 + 1}`, () => 1)).toBe(1);
});
