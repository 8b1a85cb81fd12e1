import { expect, test } from "vitest";
import { paceOf, pause } from "../../tracer/pace.ts";

test("a chat keeps its pace; those that hold nothing back are forgotten beyond a thousand", () => {
  const paused = paceOf("paused");
  expect(pause(paused, { parameters: { retry_after: 60 } })).toBe(60_000);
  expect(paused.pausedUntil - performance.now()).toBeGreaterThan(59_000);
  const first = paceOf("first");
  expect(paceOf("first")).toBe(first);
  for (let n = 0; n < 1000; n++) paceOf(`chat ${n}`);
  expect(paceOf("first")).not.toBe(first);
  expect(paceOf("paused")).toBe(paused);
});

test("a later, shorter pause does not end a longer one; other errors pause nothing", () => {
  const pace = paceOf("longer");
  pause(pace, { parameters: { retry_after: 60 } });
  const { pausedUntil } = pace;
  expect(pause(pace, { parameters: { retry_after: 1 } })).toBe(1000);
  for (
    const error of [undefined, null, "no", new Error("no"), { parameters: {} }, { parameters: { retry_after: "9" } }]
  ) {
    expect(pause(pace, error)).toBe(0);
  }
  expect(pace.pausedUntil).toBe(pausedUntil);
});
