import { expect, test } from "vitest";
import type { Recorded } from "../../../../functions/synthetic/llm/ports.ts";
import { keptRecordings, mergedRecordings } from "../../../../functions/synthetic/suite/recordings.ts";

const recorded = (key: string, nth: number, model = "m"): Recorded => ({
  key,
  nth,
  request: { model },
  status: 200,
  content_type: "application/json",
  chunks: [{ ms: 1, text: "{}" }],
  duration_ms: 1,
  model,
  input_tokens: 1,
  output_tokens: 1,
  cost_microusd: 1,
});

test("what was there is found rather than what a run adds, and what is added where there was nothing", () => {
  const kept = keptRecordings([recorded("a", 0, "old")]);
  kept.add(recorded("a", 0, "new"));
  kept.add(recorded("a", 1, "new"));
  expect([kept.find("a", 0)?.model, kept.find("a", 1)?.model, kept.find("b", 0)]).toEqual(["old", "new", undefined]);
  expect(kept.all().map(({ nth, model }) => [nth, model])).toContainEqual([1, "new"]);
  expect(kept.added().map(({ nth, model }) => [nth, model])).toEqual([[0, "new"], [1, "new"]]);
});

test("merged: by key and nth, each once, the added ones where both have it", () => {
  const merged = mergedRecordings(
    [recorded("b", 10), recorded("b", 2), recorded("a", 0)],
    [recorded("b", 2, "new"), recorded("a", 1)],
  );
  expect(merged.map(({ key, nth, model }) => [key, nth, model])).toEqual([
    ["a", 0, "m"],
    ["a", 1, "m"],
    ["b", 2, "new"],
    ["b", 10, "m"],
  ]);
});

test("a file that is pulled from the database, whose fields have another order, is the same to the byte", () => {
  const one = { ...recorded("a", 0), request: { messages: [{ content: "hi", role: "user" }], model: "m" } };
  const turned = (value: unknown): unknown =>
    Array.isArray(value) || typeof value !== "object" || value === null
      ? value
      : Object.fromEntries(Object.entries(value).reverse().map(([name, child]) => [name, turned(child)]));
  expect(JSON.stringify(mergedRecordings([], [{ ...turned(one) as Recorded, chunks: one.chunks }])))
    .toBe(JSON.stringify([one]));
});
