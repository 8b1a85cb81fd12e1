import { Console } from "node:console";
import { Writable } from "node:stream";
import { format } from "node:util";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { traceConsole } from "../../tracer/log.ts";
import { memoryTracer } from "./_support/memory.ts";

/** A stream that keeps its lines. */
function newLines() {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk).trimEnd());
      done();
    },
  });
  return { lines, stream };
}

describe("a real pino", () => {
  test("has the trace id and the step in each line, and nothing of them outside", async () => {
    const { lines, stream } = newLines();
    const { tracer } = memoryTracer();
    const log = pino({ mixin: tracer.logFields, base: null }, stream);
    log.info("before");
    const ids: string[] = [];
    await Promise.all([1, 2].map((n) =>
      tracer.trace("p", async (trace) => {
        ids[n] = trace.id;
        log.info({ n }, "in the trace");
        await tracer.step("llm.generate", async () => {
          await Promise.resolve();
          log.warn({ n, model: "m" }, "in the step");
          trace.background(() => log.info({ n }, "in the background"));
        });
      })
    ));
    log.info("after");
    const told = lines.map((line) => JSON.parse(line)).map(({ level: _, time: __, ...fields }) => fields);
    const step = "llm.generate";
    const of = (n: number) => told.filter((fields) => fields.n === n);
    for (const n of [1, 2]) {
      expect(of(n)).toEqual([
        { trace_id: ids[n], n, msg: "in the trace" },
        { trace_id: ids[n], step, n, model: "m", msg: "in the step" },
        { trace_id: ids[n], step, n, msg: "in the background" },
      ]);
    }
    expect(told.filter((fields) => fields.n === undefined)).toEqual([{ msg: "before" }, { msg: "after" }]);
  });
});

describe("a console", () => {
  function setup() {
    const { lines, stream } = newLines();
    const { tracer } = memoryTracer();
    const target = new Console(stream, stream);
    return { lines, tracer, target, traced: traceConsole(tracer, target) };
  }

  test("has the trace id and the step at the start of each line, and formats as before", () => {
    const { lines, tracer, traced } = setup();
    traced.log("outside %s", "1");
    const id = tracer.trace("p", (trace) => {
      traced.info("hello %s and %d", "you", 5);
      tracer.step("50%s", () => {
        traced.error(new RangeError("no").message, { n: 1 });
        traced.warn({ n: 2 });
        traced.debug();
      });
      return trace.id;
    });
    expect(lines).toEqual([
      "outside 1",
      `[${id}] hello you and 5`,
      `[${id} 50s] no { n: 1 }`,
      `[${id} 50s] { n: 2 }`,
      `[${id} 50s]`,
    ]);
  });

  test("is otherwise the one that it was made of", () => {
    const { lines, tracer, traced } = setup();
    tracer.trace("p", () => traced.table([{ a: 1 }]));
    expect(lines.join("\n")).toContain("│ 0       │ 1 │");
    expect(lines.join("\n")).not.toContain("[0");
  });

  test("can be put into the one that it was made of", () => {
    const { lines, tracer, target, traced } = setup();
    Object.assign(target, traced);
    const id = tracer.trace("p", (trace) => {
      target.log("once");
      return trace.id;
    });
    expect(lines).toEqual([format("[%s] once", id)]);
  });
});

test("a step outside any trace has no fields, by hand or not", () => {
  const { tracer } = memoryTracer();
  expect(tracer.step("lonely", () => tracer.logFields())).toEqual({});
  expect(tracer.startStep("lonely").run(() => tracer.logFields())).toEqual({});
});
