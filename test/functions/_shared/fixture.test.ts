import { describe, expect, test } from "vitest";
import type { TraceDetail, TraceIo } from "../../../functions/_shared/db.ts";
import { findTurn, fixtureName, fixtureOf } from "../../../functions/_shared/fixture.ts";
import { maskDefaults } from "../../../tracer/mask.ts";
import { detail, HOSTILE, step } from "../telegram/traces_fixture.ts";

const captured = (step: number, request: unknown): TraceIo => {
  const json = typeof request === "string" ? request : JSON.stringify(request);
  return { step, request: json, request_chars: json.length, response: "ok", response_chars: 2 };
};
const trace = detail(2, {
  steps: [
    step("db.orders", 1, 10),
    step("llm.classify", 11, 400, { model: "gpt-4o-mini" }),
    step("llm.answer", 412, 2000, { model: "gpt-4o" }),
  ],
  io_steps: [1, 2, 3],
});
const messages = (...said: [role: string, content: unknown][]) => said.map(([role, content]) => ({ role, content }));

test("reads like this", () => {
  const io = [
    captured(1, { sql: "select" }),
    captured(
      2,
      messages(
        ["system", "Name the topic."],
        ["user", "Hello"],
        ["assistant", "Hi"],
        ["user", "Where is it?\nMail ada@example.org"],
      ),
    ),
    captured(3, messages(["user", "something else"])),
  ];
  expect(fixtureOf(trace, io, maskDefaults)).toBe(
    `# yaml-language-server: $schema=../../../docs/scenario.schema.json
# Made of trace 0194bc1f-9d00-7000-8000-000000000002 of 2025-01-31.
title: "Where is it? Mail [email]"
turns:
  - say: "Where is it?\\nMail [email]"
expect:
  steps:
    - "db.orders"
    - "llm.classify"
    - "llm.answer"
  max_duration_ms: 10000
  max_cost_usd: 0.01
`,
  );
});

test("of a run that failed, whose text is not known: what it took and cost is no limit", () => {
  const failed = detail(2, {
    status: "error",
    error: "401 for key sk-proj-ABCDEFGHIJKLMNOP1234\nsay: evil",
    steps: [step("llm.answer", 0, 68, { status: "error" })],
    duration_ms: 68,
    pipeline: "support",
  });
  expect(fixtureOf(failed, [captured(1, "a request that was c")], maskDefaults)).toBe(
    `# yaml-language-server: $schema=../../../docs/scenario.schema.json
# Made of trace 0194bc1f-9d00-7000-8000-000000000002 of 2025-01-31.
# The run failed: "401 for key [secret]\\nsay: evil"
# The scenario asks that it does not.
title: "support"
turns:
  # TODO: what the person wrote is not kept. Write it here.
  - say: "TODO"
expect:
  steps:
    - "llm.answer"
`,
  );
});

describe("its limits", () => {
  const limits = (change: Partial<TraceDetail>) =>
    fixtureOf(detail(2, change), [], maskDefaults).match(/max_.*$/gm) ?? [];

  test.each<[string, Partial<TraceDetail>, string[]]>([
    ["of an answer that was there at once, by a cheap model", { duration_ms: 1, cost_microusd: 42 }, [
      "max_duration_ms: 10000",
      "max_cost_usd: 0.01",
    ]],
    ["are twice of what it was, in full seconds and cents", { duration_ms: 7_101, cost_microusd: 30_001 }, [
      "max_duration_ms: 15000",
      "max_cost_usd: 0.07",
    ]],
    ["of a cost that is known in part", { cost_complete: false }, ["max_duration_ms: 10000"]],
    ["of a run that goes on", { status: "running", duration_ms: null }, []],
    ["of a run that failed", { status: "error", error: "no" }, []],
  ])("%s", (_, change, wanted) => expect(limits(change)).toEqual(wanted));
});

test("of a command, which is named like its pipeline", () => {
  expect(fixtureOf(detail(2, { pipeline: "/start" }), [], maskDefaults)).toContain(
    'turns:\n  # What stood after the command is not kept.\n  - say: "/start"\n',
  );
});

describe("what the person wrote", () => {
  test.each<[string, unknown, string | null]>([
    ["a list of messages", messages(["user", "a"], ["user", "b"]), "b"],
    ["a request of OpenAI's", { model: "gpt-4o", messages: messages(["system", "x"], ["user", "b"]) }, "b"],
    ["parts", { messages: messages(["user", [{ type: "text", text: "b" }, { type: "image_url" }]]) }, "b"],
    ["a request of Responses", { input: "b" }, "b"],
    ["a list for Responses", { input: messages(["user", [{ type: "input_text", text: "b" }]]) }, "b"],
    ["a request of Google's", { contents: [{ role: "user", parts: [{ text: "b" }] }] }, "b"],
    ["results of tools after it", messages(["user", "b"], ["user", [{ type: "tool_result", content: "x" }]]), "b"],
    ["no user", messages(["system", "x"]), null],
    ["something else", { query: "b" }, null],
    ["nothing", null, null],
    ["broken", [null, 1, { role: "user" }, { role: "user", content: { a: 1 } }], null],
    ["a text", '"b"', null],
  ])("in %s", (_, request, said) => expect(findTurn(trace, [captured(2, request)])).toBe(said));

  test("is looked for in LLM calls first", () => {
    const io = [captured(1, messages(["user", "to a tool"])), captured(3, messages(["user", "to a model"]))];
    expect(findTurn(trace, io)).toBe("to a model");
    expect(findTurn(trace, io.slice(0, 1))).toBe("to a tool");
  });

  test("is no longer than Telegram takes", () => {
    const yaml = fixtureOf(trace, [captured(2, messages(["user", "x".repeat(5000)]))], maskDefaults);
    expect(yaml).toContain("# TODO: this is longer than Telegram takes");
    expect(/say: "(x+)"/.exec(yaml)![1]).toHaveLength(4096);
  });
});

test.each(HOSTILE)("every text stays in its quotes: %j", (text) => {
  const hostile = detail(2, {
    pipeline: text,
    steps: [step(text, 0, 1, { model: "m" })],
    status: "error",
    error: text,
  });
  const rows = fixtureOf(hostile, [captured(1, messages(["user", text]))], (masked) => masked).split("\n");
  const inQuotes = rows.map((row) => /^(?:title:| {2}- say:| {4}-|# The run failed:) (.*)$/.exec(row)?.[1])
    .filter((row) => row !== undefined);
  expect(inQuotes).toHaveLength(4);
  for (const quoted of inQuotes) expect(JSON.parse(quoted)).toBeTypeOf("string");
  // deno-lint-ignore no-control-regex -- YAML takes them for line ends, or not at all
  expect(rows.join("")).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/);
  expect(rows.join("")).not.toMatch(/[\u{D800}-\u{DFFF}]/u);
  expect(fixtureName(hostile)).toMatch(/^[a-z0-9-]{1,40}$/);
});

test.each([
  ["support", "support-0194bc1f"],
  ["/start", "start-0194bc1f"],
  ["Заказы", "trace-0194bc1f"],
  ["../../etc/passwd", "etc-passwd-0194bc1f"],
  ["x".repeat(99), `${"x".repeat(31)}-0194bc1f`],
])("a run of %s is named %s", (pipeline, name) => expect(fixtureName(detail(1, { pipeline }))).toBe(name));
