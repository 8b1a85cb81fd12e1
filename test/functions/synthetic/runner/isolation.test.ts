// Scenarios that run at the same time, one after the other, in any order: each as if it were alone.
import { expect, test } from "vitest";
import type { Outcome } from "../../../../functions/_shared/synthetic_work.ts";
import type { AnyBot, World } from "../../../../functions/synthetic/define.ts";
import type { Seen } from "../../../../functions/synthetic/expect/seen.ts";
import { progress } from "../../../../tracer/telegraf.ts";
import { ask, grammy, run, telegraf } from "./_support.ts";

import { promisify } from "node:util";
import { clearTimeout as clearOfNode, setTimeout as setOfNode } from "node:timers";
import { setTimeout as wait } from "node:timers/promises";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const names = Array.from({ length: 10 }, (_, i) => `scenario-${i}`);

test("ten at once do not mix, by what is in them", async () => {
  const seen = new Map<string, Seen>();
  const sent: string[][] = [];
  const answers = await Promise.all(names.map((name, i) =>
    run(
      (world) => {
        const reply = async (said: string, chat: number, send: (text: string) => Promise<unknown>) => {
          await pause(i % 3);
          if (i === 4) setTimeout(() => {}, 77_000);
          if (i === 7) void world.tracer.startTrace("left open");
          await send(`${await ask(world, `${said} ${world.newId()}`)} ${chat}`);
        };
        return i % 2
          ? telegraf(world, (bot) =>
            void bot.on("text", (ctx) =>
              reply((ctx.message as { text: string }).text, ctx.chat.id, (text) =>
                ctx.reply(text))))
          : grammy(world, (bot) =>
            void bot.on("message:text", (ctx) =>
              reply(ctx.message.text, ctx.chat.id, (text) =>
                ctx.reply(text))));
      },
      {
        name,
        turns: [{ say: `${name} a` }, { say: `${name} b` }, { say: `${name} c` }],
        expect: {
          check: (all) =>
            void seen.set(name, all),
        },
      },
      {
        mode: "live",
        answer: async ({ messages }) => {
          await pause(Number(name.at(-1)) % 4);
          return `echo ${messages[0]!.content}`;
        },
        transport: {
          send: (traces) => {
            sent.push([name, ...traces]);
            return Promise.resolve({ kind: "accepted", rejected: [] });
          },
        },
      },
    )
  ));
  for (const [i, name] of names.entries()) {
    const { transcript, traces, llm, messages } = seen.get(name)!;
    expect(transcript.filter(({ from }) => from === "person").map(({ text }) => text))
      .toEqual([`${name} a`, `${name} b`, `${name} c`]);
    expect(messages).toHaveLength(3);
    for (const { text } of messages) {
      expect(text).toMatch(new RegExp(`^echo ${name} [abc] [0-9a-f-]{36} ${messages[0]!.chat.id}$`));
    }
    expect(traces).toHaveLength(3);
    expect(new Set(traces.map(({ chat_id }) => chat_id))).toEqual(new Set([messages[0]!.chat.id]));
    expect(llm.map(({ response }) => response)).toHaveLength(3);
    expect(answers[i]!.failures.map(({ message }) => message)).toEqual(
      i === 4
        ? Array(3).fill("The bot has left a timer that is pending: setTimeout of 77000 ms")
        : i === 7
        ? ["The bot has left traces that have not ended: left open, left open, left open"]
        : [],
    );
    expect(answers[i]!.trace_ids).toEqual(expect.arrayContaining(traces.map(({ trace_id }) => trace_id)));
    const own = sent.filter(([of]) => of === name).flatMap(([, ...traces]) => traces);
    expect(own.map((trace) => JSON.parse(trace).trace_id).sort()).toEqual([...answers[i]!.trace_ids].sort());
  }
  expect(new Set([...seen.values()].map(({ messages }) => messages[0]!.chat.id)).size).toBe(10);
});

/** Fails in a way that shows whatever might be different. */
const revealing = (world: World): AnyBot =>
  telegraf(world, (bot) =>
    void bot.on("text", async (ctx) => {
      const shown = progress(ctx, { first: "One", second: "Two" });
      await world.tracer.step("first", () => ask(world, "a"));
      await world.tracer.step("second", () => ask(world, "b"));
      await shown.done(`${world.now()} ${world.newId()} ${world.random()} ${ctx.message.date} ${ctx.from.id}`);
    }));

const replays = (order: number[]): Promise<Outcome[]> =>
  order.reduce<Promise<Outcome[]>>(async (before, i) => {
    const done = await before;
    done[i] = await run(revealing, {
      name: `scenario-${i}`,
      turns: [
        {
          say: "x",
          expect: {
            text: { equals: "" },
            json: [{ path: "$", equals: 1 }, { of: "trace", path: "$", equals: 1 }],
            steps: ["none"],
            check: (seen) => {
              throw new Error(`all of it\n${JSON.stringify(seen, null, 1)}`);
            },
          },
        },
        { say: "y", expect: { text: { equals: "" } } },
      ],
    });
    return done;
  }, Promise.resolve([]));

test("a replay gives the same outcomes twice, in whichever order, to the byte", async () => {
  const first = await replays([0, 1, 2]);
  const second = await replays([2, 0, 1]);
  expect(JSON.stringify(second, null, 1)).toBe(JSON.stringify(first, null, 1));
  expect(first[0]!.failures).toHaveLength(6);
  expect(first[0]!.duration_ms).toBe(1000);
  expect(JSON.stringify(first[0])).not.toBe(JSON.stringify(first[1]));
});

test("live, a fast conversation is no flood, and one turn that floods is", async () => {
  const create = (times: number) => (world: World) =>
    telegraf(world, (bot) =>
      void bot.on("text", async (ctx) => {
        for (let i = 0; i < times; i++) await ctx.reply("a").catch(() => {});
      }));
  const turns = Array.from({ length: 12 }, () => ({ say: "x" }));
  expect(await run(create(2), { turns }, { mode: "live" })).toMatchObject({ state: "passed" });
  expect((await run(create(6), {}, { mode: "live" })).failures).toEqual([{
    turn: 1,
    expectation: "telegram",
    message: "Telegram refused sendMessage: 429: Too Many Requests: retry after 5",
  }]);
});

test("timers of every kind are known, and who clears them elsewhere has cleared them", async () => {
  const elsewhere: (() => void)[] = [];
  const { failures } = await run((world) =>
    telegraf(world, (bot) =>
      void bot.on("text", (ctx) => {
        void wait(61_000).catch(() => {});
        void promisify(setTimeout)(62_000).catch(() => {});
        setOfNode(() => {}, 63_000).unref();
        const timers = [setTimeout(() => {}, 64_000), setOfNode(() => {}, 65_000)] as const;
        elsewhere.push(() => clearTimeout(Number(timers[0])), () => clearOfNode(timers[1]));
        return ctx.reply("ok");
      })), { expect: { check: () => elsewhere.forEach((clear) => clear()) } });
  expect(failures.map(({ message }) => message)).toEqual(
    [61_000, 62_000, 63_000].map((ms) => `The bot has left a timer that is pending: setTimeout of ${ms} ms`),
  );
  // Whoever is no bot under test has them as they were.
  expect(await wait(1, "done")).toBe("done");
});

test("secrets that a bot says reach no report", async () => {
  const secret = "sk-proj-C4naryC4naryC4naryC4nary1234";
  const { failures, judged } = await run(
    (world) => telegraf(world, (bot) => void bot.on("text", (ctx) => ctx.reply(`The key: ${secret}`))),
    { turns: [{ say: "hi", expect: { text: { equals: "No key" }, judge: { rubric: "Keeps secrets." } } }] },
    { answer: () => JSON.stringify({ score: 0.1, reason: `It told ${secret}.` }) },
  );
  expect(failures.map(({ expectation }) => expectation)).toEqual(["text", "judge"]);
  expect(JSON.stringify([failures, judged])).not.toContain("C4nary");
});
