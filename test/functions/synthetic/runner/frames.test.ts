import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { placeOf } from "../../../../functions/synthetic/runner/frames.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

test.each<[string, string[], string | undefined]>([
  ["a function of a file", [`at ask (${ROOT}examples/bot.ts:12:5)`], "examples/bot.ts:12"],
  ["a file's address", [`at file://${ROOT}examples/bot.ts:3:1`], "examples/bot.ts:3"],
  ["a file that is elsewhere", ["at async ask (/srv/bot/index.ts:7:9)"], "/srv/bot/index.ts:7"],
  ["below a library, the platform, the tracer and the runner", [
    `at Bot.call (${ROOT}node_modules/telegraf/lib/telegraf.js:1:1)`,
    "at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
    `at trace (${ROOT}tracer/trace.ts:5:5)`,
    `at play (${ROOT}functions/synthetic/runner/play.ts:5:5)`,
    `at make (${ROOT}functions/synthetic/bot.ts:9:1)`,
  ], "functions/synthetic/bot.ts:9"],
  ["nowhere of the author's", ["at new Promise (<anonymous>)", "at ext:core/01_core.js:1:1"], undefined],
])("%s", (_, frames, place) => {
  const stack = ["Error: at home (in words:1:2)", ...frames.map((frame) => `    ${frame}`)].join("\n");
  expect(placeOf(stack)).toBe(place);
});

test("what has no stack has no place", () => expect(placeOf(undefined)).toBeUndefined());
