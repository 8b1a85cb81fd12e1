import type { TraceDetail } from "../../../../functions/_shared/db.ts";
import { renderTrace } from "../../../../functions/telegram/render/trace.ts";
import type { WireStep } from "../../../../tracer/wire.ts";
import { detail, HOSTILE, id, step } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const params = { trace_id: id(2), back: { to: "traces" as const, first: id(1) } };
const now = new Date("2025-01-31T12:03:23.500Z");

const example = (title: string, trace: TraceDetail, readsIo = true): Example => ({
  title,
  reply: renderTrace(trace, params, now, readsIo),
});

const ok: WireStep[] = [
  step("db.history", 0, 38),
  step("llm.answer", 40, 2300, {
    model: "gpt-4o",
    input_tokens: 1500,
    cached_tokens: 1200,
    output_tokens: 301,
    cost_microusd: 2100,
    first_token_ms: 640,
  }),
  step("telegram.edit", 2341, 70),
];

/** Also drawn as a picture. */
export const failed = detail(2, {
  status: "error",
  duration_ms: 8020,
  error_step: "llm.answer",
  error: "429 rate limited by the provider, retry in 20 s",
  release: "a1b2c3d",
  message_id: 77,
  update_id: 9,
  io_steps: [2, 3],
  steps: [
    step("db.history", 0, 38),
    step("llm.classify", 40, 412, {
      model: "gpt-4o-mini",
      input_tokens: 300,
      output_tokens: 1,
      cost_microusd: 100,
      first_token_ms: 210,
    }),
    step("llm.answer", 460, 7480, {
      status: "error",
      model: "gpt-4o",
      input_tokens: 1200,
      cached_tokens: 1000,
      output_tokens: 300,
      reasoning_tokens: 120,
      cost_microusd: 2000,
      first_token_ms: 3900,
    }),
    step("http.request", 470, 3000, { parent: 3 }),
    step("telegram.edit", 7945, 70, { status: "detached" }),
  ],
});

export const long = detail(2, {
  duration_ms: 20_000,
  io_steps: Array.from({ length: 60 }, (_, i) => 3 * i + 1),
  steps: Array.from({ length: 200 }, (_, i) => {
    const place = i % 10 === 0 ? {} : { parent: i - i % 10 + 1 };
    const call = i % 20 === 1
      ? { model: "gpt-4o-mini", input_tokens: 100 * i, output_tokens: i, cost_microusd: i }
      : {};
    return step(`step.number.${i}`, i * 100, i % 10 === 0 ? 990 : 90 + i % 7, {
      ...place,
      ...call,
      ...(i === 150 && { status: "error" as const }),
    });
  }),
});

export const examples: Example[] = [
  example("one that failed", failed),
  example("the same to a viewer", failed, false),
  example("one that went well", detail(2, { steps: ok, io_steps: [2] })),
  example(
    "one that runs",
    detail(2, { status: "running", duration_ms: null, input_tokens: null, output_tokens: null, cost_microusd: null }),
  ),
  example("one that is lost", detail(2, { status: "lost", duration_ms: null, cost_microusd: null, steps: [ok[0]!] })),
  example("200 steps", long),
  example(
    "hostile names",
    detail(2, {
      pipeline: HOSTILE[1]!,
      release: HOSTILE[8]!,
      error: HOSTILE.join(" "),
      error_step: HOSTILE[3]!,
      status: "error",
      io_steps: [1, 3, 9, 11],
      steps: HOSTILE.map((name, i) => step(name, i * 100, 90, i % 3 === 0 ? { model: name, input_tokens: i } : {})),
    }),
  ),
  { title: "one that is gone", reply: renderTrace(null, params, now, true) },
];
