/** `Make a test of this`: whatever the trace is, its file is a valid scenario without secrets, and can be run. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TraceDetail, TraceIo } from "../../../functions/_shared/db.ts";
import { fixtureOf } from "../../../functions/_shared/fixture.ts";
import type { Scenario } from "../../../functions/synthetic/scenario.ts";
import { readFolder } from "../../../scripts/scenario/folder.ts";
import { maskDefaults } from "../../../tracer/mask.ts";
import { run, telegraf } from "../../functions/synthetic/runner/_support.ts";
import { detail, HOSTILE, step } from "../../functions/telegram/traces_fixture.ts";
import { makeFolder } from "./_support.ts";

const asked = (content: unknown, step = 1): TraceIo => {
  const request = JSON.stringify([{ role: "user", content }]);
  return { step, request, request_chars: request.length, response: "ok", response_chars: 2 };
};

/** The scenarios of traces, read as `npm run scenario -- index` does, and their files together. */
async function scenariosOf(traces: [TraceDetail, TraceIo[]][]) {
  const { dir } = makeFolder();
  const texts = traces.map(([trace, io]) => fixtureOf(trace, io, maskDefaults));
  texts.forEach((text, i) => writeFileSync(join(dir, "scenarios", `one-${String(i).padStart(3, "0")}.yaml`), text));
  const { scenarios } = await readFolder(dir);
  return {
    scenarios: scenarios.map(({ scenario }): Scenario => scenario),
    todos: scenarios.map(({ todos }) => todos.map(({ message }) => message)),
    text: texts.join(""),
  };
}

/** A bot whose pipeline has these steps, the second one within the first. */
const stepping = (said: string[]) => (world: Parameters<typeof telegraf>[0]) =>
  telegraf(world, (bot) =>
    bot.on("text", async (ctx) => {
      said.push((ctx.message as { text: string }).text);
      await world.tracer.step("orders", () => world.tracer.step("db.find", () => Promise.resolve()));
      await world.tracer.step("llm.answer", () => Promise.resolve());
      await ctx.reply("Done.");
    }));

const steps = [
  step("orders", 0, 20),
  step("db.find", 5, 10, { parent: 1 }),
  step("llm.answer", 25, 900, { model: "m" }),
];
const whole = detail(1, { steps, io_steps: [3] });

test("whatever was written, it can be read and run, and the bot is told the same", async () => {
  const texts = [
    ...HOSTILE.filter((text) => text.trim() !== ""),
    "- a: [b]\n\t# c\r\n%d @e `f` 'g' \"h\" \\u0041 &i *j !k |\n  >",
    "y".repeat(5000),
    "true",
    "1e3",
  ];
  const { scenarios, todos } = await scenariosOf(texts.map((text) => [whole, [asked(text, 3)]]));
  expect(todos.flat()).toEqual([]);
  for (const [i, scenario] of scenarios.entries()) {
    const said: string[] = [];
    const outcome = await run(stepping(said), scenario);
    expect(outcome.failures, JSON.stringify(texts[i])).toEqual([]);
    // Telegram has blanks for control characters.
    // deno-lint-ignore no-control-regex -- these
    const plain = (text: string) => text.replace(/\r/g, "").replace(/[\u0000-\u0009\u000B-\u001F]/g, " ").trim();
    expect(said.map(plain)).toEqual([plain(scenario.turns[0]!.say!)]);
  }
  expect(scenarios.at(-4)!.turns[0]!.say).toBe(texts.at(-4));
});

test("hostile names and errors of a trace, and one of which nothing is kept, make valid files but for a TODO", async () => {
  const traces = HOSTILE.map((text): [TraceDetail, TraceIo[]] => [
    detail(2, {
      pipeline: text,
      status: "error",
      error: text,
      steps: [step(text || "x", 0, 1)],
      duration_ms: null,
      cost_microusd: null,
    }),
    [],
  ]);
  const { scenarios, todos } = await scenariosOf([...traces, [detail(3), []]]);
  expect(scenarios).toHaveLength(HOSTILE.length + 1);
  for (const [i, scenario] of scenarios.entries()) {
    expect(todos[i]).toEqual([expect.stringContaining("turns[0].say still says TODO.")]);
    const said: string[] = [];
    const outcome = await run(stepping(said), scenario);
    expect(outcome).toMatchObject({
      state: "failed",
      failures: [{ turn: 1, message: expect.stringContaining("still says TODO") }],
    });
    expect(said).toEqual([]);
  }
});

test("no secret is in the file, wherever it was in the trace", async () => {
  const secrets = ["sk-proj-abcdefghijklmnopqrstuvwx0123456789", "4111 1111 1111 1111", "ada@example.org"];
  const traces = secrets.map((secret): [TraceDetail, TraceIo[]] => [
    detail(2, {
      pipeline: `about ${secret}`,
      status: "error",
      error: `refused for ${secret}`,
      steps: [step(`get ${secret}`, 0, 1), step("llm.answer", 1, 1)],
    }),
    [],
  ]);
  const written = secrets.map((secret): [TraceDetail, TraceIo[]] => [whole, [asked(`It is ${secret}.`, 3)]]);
  const { scenarios, text } = await scenariosOf([...traces, ...written]);
  for (const secret of secrets) expect(text).not.toContain(secret);
  expect(scenarios.map(({ expect }) => expect!.steps)).toEqual([
    ...secrets.map(() => ["llm.answer"]),
    ...secrets.map(() => ["orders", "db.find", "llm.answer"]),
  ]);
});

describe("the steps it asks for", () => {
  const ofSteps = async (...steps: TraceDetail["steps"]) =>
    (await scenariosOf([[detail(1, { steps }), []]])).scenarios[0]!.expect?.steps;

  test("are those whose order is the same each time", async () => {
    expect(await ofSteps(step("classify", 0, 50), step("orders", 1, 100), step("answer", 101, 9))).toEqual([
      "classify",
      "answer",
    ]);
    expect(await ofSteps(step("typing", 0, 500, { status: "detached" }), step("answer", 10, 9))).toEqual([
      "typing",
      "answer",
    ]);
  });

  test("are not the tries that failed, nor how often one ran", async () => {
    expect(
      await ofSteps(
        step("answer", 0, 9, { status: "error" }),
        step("answer", 10, 9),
        step("edit", 20, 1),
        step("edit", 22, 1),
      ),
    ).toEqual(["answer", "edit"]);
    expect(await ofSteps(step("answer", 0, 9, { status: "error" }))).toEqual(["answer"]);
  });
});
