import { renderTrace } from "../../../../functions/telegram/render/trace.ts";
import type { WireStep } from "../../../../tracer/wire.ts";
import { detail, HOSTILE, id, step } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const params = { trace_id: id(2), back: { to: "traces" as const, first: id(1) } };
const now = new Date("2025-01-31T12:03:23.500Z");

const example = (title: string, change: Parameters<typeof detail>[1]): Example => ({
  title,
  reply: renderTrace(detail(2, change), params, now, true),
});

const answered: WireStep[] = [
  step("db.history", 0, 38),
  step("llm.classify", 40, 412),
  step("llm.answer", 460, 7480, { status: "error" }),
  step("http.request", 470, 3000, { parent: 3 }),
  step("telegram.edit", 7945, 70),
];

export const examples: Example[] = [
  example("one that failed", {
    status: "error",
    duration_ms: 8020,
    error_step: "llm.answer",
    error: "429 rate limited by the provider, retry in 20 s",
    release: "a1b2c3d",
    message_id: 77,
    update_id: 9,
    steps: answered,
  }),
  example("one that went well", { steps: answered.slice(0, 2) }),
  example("one that runs", { status: "running", duration_ms: null, input_tokens: null, output_tokens: null }),
  example("200 steps", {
    duration_ms: 20_000,
    steps: Array.from(
      { length: 200 },
      (_, i) => step(`step.number.${i}`, i * 100, 90, i % 10 === 0 ? {} : { parent: i - i % 10 + 1 }),
    ),
  }),
  example("hostile names", {
    pipeline: HOSTILE[1]!,
    release: HOSTILE[8]!,
    error: HOSTILE.join(" "),
    error_step: HOSTILE[3]!,
    status: "error",
    steps: HOSTILE.map((name, i) => step(name, i * 100, 90)),
  }),
  { title: "one that is gone", reply: renderTrace(null, params, now, true) },
];
