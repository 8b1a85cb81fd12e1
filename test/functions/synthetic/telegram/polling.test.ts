import { expect, test } from "vitest";
import { createBot } from "../../../../functions/synthetic/telegram/bots.ts";
import { Polling } from "../../../../functions/synthetic/telegram/polling.ts";
import { TOKEN } from "./_support.ts";

function setUp() {
  const closing = new AbortController();
  const polling = new Polling(closing.signal);
  const bot = createBot({ token: TOKEN, username: "first_bot" });
  const poll = (signal = new AbortController().signal, timeoutMs = 50_000) =>
    polling.poll(bot, { offset: 0, limit: 100, timeoutMs, signal });
  const add = () => bot.updates.add("chat", {});
  return { closing, polling, bot, poll, add };
}

test("a waiting poll ends with the update that comes", async () => {
  const { poll, add } = setUp();
  const waiting = poll();
  add();
  expect(await waiting).toEqual([{ update_id: 1 }]);
});

test("a waiting poll ends empty when the caller goes, when Telegram closes, and when its time is over", async () => {
  const { closing, poll } = setUp();
  const caller = new AbortController();
  const left = poll(caller.signal);
  caller.abort();
  expect(await left).toEqual([]);
  expect(await poll(undefined, 1)).toEqual([]);
  const last = poll();
  closing.abort();
  expect(await last).toEqual([]);
  expect(await poll()).toEqual([]);
});

test("the poll that comes later stays, and its end is its own", async () => {
  const { poll, add } = setUp();
  const first = poll();
  const second = poll();
  await expect(first).rejects.toMatchObject({ status: 409 });
  const third = poll();
  await expect(second).rejects.toMatchObject({ status: 409 });
  add();
  expect(await third).toHaveLength(1);
});
