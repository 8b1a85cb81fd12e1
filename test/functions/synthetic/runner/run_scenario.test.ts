// Over 300 lines, because it is one list: what bots do that must not go unnoticed, in the same runner.
import { EventEmitter } from "node:events";
import process from "node:process";
import { Readable } from "node:stream";
import { Bot, InputFile } from "grammy";
import { Input, Telegraf } from "telegraf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AnyBot, World } from "../../../../functions/synthetic/define.ts";
import { progress } from "../../../../tracer/telegraf.ts";
import { ask, failing, forever, grammy, onText, replying, run, says, telegraf } from "./_support.ts";

// Vitest fails a file in which a rejection is not caught, whoever else has taken it.
let listeners: NodeJS.UnhandledRejectionListener[] = [];
beforeAll(() => {
  listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
});
afterAll(() => listeners.forEach((listener) => process.on("unhandledRejection", listener)));

/** With the line of this file that has thrown it. */
const placed = (words: string) =>
  expect.stringMatching(RegExp(`^${words} \\(test/functions/synthetic/runner/run_scenario\\.test\\.ts:\\d+\\)$`));

describe("a factory that", () => {
  const cases: [string, (world: World) => AnyBot | Promise<AnyBot>, RegExp][] = [
    ["throws", () => {
      throw new Error("no database");
    }, /^The factory has failed: no database \(test\/functions\/synthetic\/runner\/run_scenario\.test\.ts:\d+\)$/],
    [
      "makes something else",
      () => ({}) as AnyBot,
      /^The factory has failed: the factory has made neither a Telegraf nor/,
    ],
    ["launches Telegraf", ({ token, apiRoot }) => {
      const bot = new Telegraf(token, { telegram: { apiRoot } });
      void bot.launch();
      return bot;
    }, /starts it \(launch\(\) or start\(\)\)/],
    ["waits for Telegraf's launch", async ({ token, apiRoot }) => {
      const bot = new Telegraf(token, { telegram: { apiRoot } });
      await bot.launch();
      return bot;
    }, /starts it \(launch\(\) or start\(\)\)/],
    ["starts grammY", ({ token, apiRoot }) => {
      const bot = new Bot(token, { client: { apiRoot } });
      void bot.start();
      return bot as unknown as AnyBot;
    }, /starts it \(launch\(\) or start\(\)\)/],
  ];
  test.each(cases)("%s", async (_, create, message) => {
    const outcome = await run(create, {});
    expect(outcome.state).toBe("failed");
    expect(outcome.failures[0]).toMatchObject({ turn: 0, expectation: "bot", message: expect.stringMatching(message) });
  });

  test("does not return", async () => {
    const began = performance.now();
    const outcome = await run(forever, { timeout_ms: 200 });
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(outcome.failures).toEqual([
      {
        turn: 0,
        expectation: "timeout",
        message: "The factory has not made the bot in time. Does it wait for launch() or start()?",
      },
    ]);
  });
});

describe("a handler that", () => {
  test.each(["telegraf", "grammy"])("hangs ends the scenario in time: %s", async (library) => {
    const create = (world: World) =>
      library === "telegraf"
        ? telegraf(world, (bot) => void bot.on("text", forever))
        : grammy(world, (bot) => void bot.on("message", forever));
    const began = performance.now();
    const outcome = await run(create, { timeout_ms: 300, turns: says("a", "b") });
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(outcome.failures.map(({ turn, expectation, message }) => [turn, expectation, message])).toEqual([
      [1, "timeout", "The bot was not done within 300 ms"],
      [0, "leftover", "The bot has left a handler that still runs, of turn 1"],
      [0, "leftover", "The bot has left traces that have not ended: message:text"],
    ]);
  });

  test("throws without a catch fails, and Telegraf's exit code does not stay", async () => {
    const { exitCode } = process;
    const outcome = await run(({ token }) => {
      const bot = new Telegraf(token);
      bot.on("text", () => {
        throw new Error("no luck");
      });
      return bot;
    }, {});
    expect(outcome.failures).toEqual([{
      turn: 1,
      expectation: "bot",
      message: placed("A handler has failed: no luck"),
    }]);
    expect(process.exitCode).toBe(exitCode);
  });

  test("fails in a trace that bot.catch hides fails, and is told once", async () => {
    const outcome = await run(onText(() => Promise.reject(new Error("no luck"))), {});
    expect(outcome.failures).toEqual([
      { turn: 1, expectation: "error", message: "The trace message:text has failed: no luck" },
    ]);
  });

  test("may fail where that is expected", async () => {
    const create = onText(() => Promise.reject(new Error("no luck")));
    expect(await run(create, { turns: [{ say: "a", expect: { error: "luck" } }] })).toMatchObject({ state: "passed" });
    expect(await run(create, { expect: { error: "luck" } })).toMatchObject({ state: "passed" });
    expect((await run(create, { turns: [{ say: "a", expect: { error: "rain" } }] })).failures).toEqual([
      { turn: 1, expectation: "error", message: 'No trace has the error "rain": they say "no luck"' },
      { turn: 1, expectation: "error", message: "The trace message:text has failed: no luck" },
    ]);
  });

  test("asks Telegram for what it refuses fails, once, unless nothing would have changed", async () => {
    const refused = await run(onText((ctx) => ctx.reply("")), {});
    expect(refused.failures).toEqual([{
      turn: 1,
      expectation: "telegram",
      message: "Telegram refused sendMessage: 400: Bad Request: message text is empty",
    }]);
    const unchanged = await run(
      failing((bot) =>
        bot.on("text", async (ctx) => {
          const { message_id } = await ctx.reply("a");
          await ctx.telegram.editMessageText(ctx.chat.id, message_id, undefined, "a").catch(() => {});
        })
      ),
      {},
    );
    expect(unchanged).toMatchObject({ state: "passed" });
  });

  test("does not catch a rejection fails, whenever it comes", async () => {
    const outcome = await run(
      onText(async (ctx) => {
        void Promise.reject(new Error("forgotten"));
        void (async () => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          throw new Error("later");
        })();
        setTimeout(() => {
          throw new Error("in a timer");
        }, 1);
        await ctx.reply("ok");
      }),
      { turns: says("a") },
    );
    expect(outcome.failures.map(({ message }) => message)).toEqual([
      placed("Nobody has caught: forgotten"),
      placed("Nobody has caught: later"),
      placed("Nobody has caught: in a timer"),
    ]);
  });
});

test("a replay sends no file by its address", async () => {
  const create = failing((bot) =>
    void bot.on("text", (ctx) => ctx.replyWithDocument(Input.fromURLStream("http://a.test/b", "b")))
  );
  expect((await run(create, {})).failures.map(({ message }) => message)).toEqual([
    "The trace message:text has failed: a replay opens no socket: http://a.test/b cannot be sent by its address",
  ]);
});

test("a rejection whose context is lost is that of the only bot there is", async () => {
  // As in a pool that was there before the scenario.
  const pool = new EventEmitter();
  const turn = setInterval(() => pool.emit("turn"), 1);
  const outcome = await run(
    onText(async () => {
      await new Promise<void>((resolve) =>
        pool.once("turn", () => {
          void Promise.reject(new Error("in the pool"));
          resolve();
        })
      );
    }),
    {},
  );
  clearInterval(turn);
  expect(outcome.failures.map(({ message }) => message)).toEqual([placed("Nobody has caught: in the pool")]);
});

describe("a bot is waited for", () => {
  test("while its background tasks, its LLM calls and its calls to Telegram go on", async () => {
    const outcome = await run(
      failing((bot, world) =>
        bot.on("text", (ctx) => {
          world.tracer.background(async () => {
            await new Promise((resolve) => setTimeout(resolve, 30));
            await ctx.reply("in the background");
          });
          void ask(world, "a").then((answer) => ctx.reply(answer));
        })
      ),
      {
        turns: [{
          say: "a",
          expect: {
            check: ({ messages }) =>
              expect(messages.map(({ text }) => text)).toEqual(["from the LLM", "in the background"]),
          },
        }],
      },
      { answer: () => "from the LLM" },
    );
    expect(outcome).toMatchObject({ state: "passed", failures: [] });
  });

  test.each(["telegraf", "grammy"])("while it uploads what comes slowly: %s", async (library) => {
    async function* slow() {
      await new Promise((resolve) => setTimeout(resolve, 30));
      yield Buffer.from("late");
    }
    const create = (world: World) =>
      library === "telegraf"
        ? telegraf(
          world,
          (bot) =>
            void bot.on("text", (ctx) =>
              void ctx.replyWithDocument(Input.fromReadableStream(Readable.from(slow()), "a"))),
        )
        : grammy(world, (bot) =>
          void bot.on("message", (ctx) => void ctx.replyWithDocument(new InputFile(slow, "a"))));
    const expected = { json: { path: "$.document.file_size", equals: 4 } };
    expect(await run(create, { turns: [{ say: "a", expect: expected }] })).toMatchObject({
      state: "passed",
      failures: [],
    });
  });

  test("while its progress message takes the answer", async () => {
    const create = failing((bot, world) =>
      bot.on("text", async (ctx) => {
        const shown = progress(ctx, { llm: "Thinking …" });
        void shown.done(await world.tracer.step("llm", () => ask(world, "a")));
      })
    );
    const outcome = await run(create, { turns: [{ say: "a", expect: { text: { equals: "ok" } } }, ...says("b")] });
    expect(outcome).toMatchObject({ state: "passed", failures: [] });
  });
});

describe("a scenario is stopped", () => {
  test("by its signal, at once, and says nothing about the bot", async () => {
    const stop = new AbortController();
    const began = performance.now();
    setTimeout(() => stop.abort(), 50);
    const outcome = await run(onText((_, world) => ask(world, "a")), {}, { answer: forever, signal: stop.signal });
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(outcome).toMatchObject({ state: "stopped", failures: [] });
  });

  test("when the ledger refuses a call of its factory", async () => {
    const outcome = await run(() => Promise.reject(new Error("no money")), {}, { llm: { refused: "cap_day" } });
    expect(outcome).toMatchObject({ state: "stopped", failures: [] });
  });

  test("when the ledger refuses a call", async () => {
    const outcome = await run(onText((_, world) => ask(world, "a")), {}, {
      answer: () => Promise.reject(new Error("refused")),
      llm: { refused: "cap_run" },
    });
    expect(outcome).toMatchObject({ state: "stopped", failures: [] });
  });
});

describe("a scenario that makes no sense", () => {
  test.each([
    [{ turns: [] }, "The scenario has no turns"],
    [{ turns: [{}] }, "A turn is one of say, press, press_data, photo, document, and not none"],
    [
      { turns: [{ say: "a", press: "b" }] },
      "A turn is one of say, press, press_data, photo, document, and not say and press",
    ],
    [{ turns: [{ say: "a", expect: { text: { matches: "/(/" } } }] }, "/(/ is no regular expression: "],
    [{ expect: { json: { path: "$[" } } }, "$[ is no JSON path: "],
    [{ turns: [{ say: "TODO" }] }, "`say` still says TODO"],
    [{ turns: [{ photo: { caption: " TODO\n" } }] }, "`caption` still says TODO"],
  ])("%j", async (scenario, message) => {
    const outcome = await run(() => {
      throw new Error("the bot is not made");
    }, scenario);
    expect(outcome.state).toBe("failed");
    expect(outcome.failures).toHaveLength(1);
    expect(outcome.failures[0]!.message).toContain(message);
  });

  test("every TODO is told with its place; a bot may have buttons, steps and JSON that are named so", async () => {
    const outcome = await run(() => {
      throw new Error("the bot is not made");
    }, {
      turns: [
        { say: "TODO: milk" },
        {
          press: "TODO",
          expect: {
            text: [{ contains: "TODO" }, { matches: "/TODO/", not_contains: "TODO" }],
            buttons: ["TODO"],
            steps: ["TODO"],
            json: { path: "$.state", equals: "TODO" },
          },
        },
      ],
      expect: { judge: { rubric: "TODO" }, error: "TODO", check: () => {} },
    });
    expect(outcome).toMatchObject({ state: "failed", calls: 0 });
    expect(outcome.failures).toEqual([
      { turn: 2, expectation: "text", message: "`contains` still says TODO: nothing was sent, or paid for" },
      { turn: 0, expectation: "judge", message: "`rubric` still says TODO: nothing was sent, or paid for" },
      { turn: 0, expectation: "error", message: "`error` still says TODO: nothing was sent, or paid for" },
    ]);
  });

  test("a button that is not there", async () => {
    const outcome = await run(replying(() => "a"), { turns: [{ say: "a" }, { press: "Buy" }, { say: "b" }] });
    expect(outcome.failures).toEqual([
      { turn: 2, expectation: "bot", message: 'There is no button "Buy" to press: there are none' },
    ]);
  });
});
