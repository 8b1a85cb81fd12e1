// In a process of its own: pipelineOf counts the commands that it has seen in all of it, and in a package no module is loaded anew.
import { expect, test } from "vitest";
import { pipelineOf } from "../../tracer/update_keys.ts";

const command = (text: string) =>
  pipelineOf(
    { update_id: 1, message: { text, entities: [{ type: "bot_command", offset: 0, length: text.length }] } } as {
      update_id: number;
    },
  );

test("strangers cannot make more than 50 names", () => {
  const names = Array.from({ length: 60 }, (_, n) => command(`/stranger${n}`));
  expect(names.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, n) => `/stranger${n}`));
  expect(new Set(names.slice(50))).toEqual(new Set(["/…"]));
  // Those that were there first stay what they are.
  expect(command("/stranger0")).toBe("/stranger0");
});
