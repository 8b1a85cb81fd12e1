import { expect, test } from "vitest";
import { ADA, badRequest, CHAT, keyboard, OTHER_TOKEN, setUp } from "../_support.ts";

const TOO_OLD = badRequest("query is too old and response timeout expired or query ID is invalid");

async function pressed() {
  const set = setUp();
  const { result: { message_id } } = await set.say("a", { reply_markup: keyboard("Go") });
  const id = set.client.press({ chat: CHAT, message_id, label: "Go" });
  const answer = (extra: object = {}, token?: string) =>
    set.api("answerCallbackQuery", { callback_query_id: id, ...extra }, token);
  return { ...set, id, message_id, answer };
}

test("a press is an update with the message as it is, and the answer reaches the user", async () => {
  const { api, client, answer, id, message_id } = await pressed();
  const { result } = await api("getUpdates");
  expect(result.at(-1)).toMatchObject({
    callback_query: { id, from: { id: ADA.id }, data: "go", message: { message_id, reply_markup: keyboard("Go") } },
  });
  expect(await answer({ text: "done", show_alert: true })).toEqual({ ok: true, result: true });
  expect(await client.answer(id)).toEqual({ query_id: id, user_id: ADA.id, text: "done", show_alert: true });
});

test("answered once, and by its own bot", async () => {
  const { answer } = await pressed();
  expect(await answer({}, OTHER_TOKEN)).toEqual(TOO_OLD);
  expect(await answer()).toMatchObject({ ok: true });
  expect(await answer()).toEqual(TOO_OLD);
  expect(await answer({ callback_query_id: "1" })).toEqual(TOO_OLD);
});

test("answered within 15 seconds", async () => {
  const late = await pressed();
  late.clock.now += 15_001;
  expect(await late.answer()).toEqual(TOO_OLD);
  const inTime = await pressed();
  inTime.clock.now += 15_000;
  expect(await inTime.answer()).toMatchObject({ ok: true });
});

test("200 characters of text", async () => {
  const { answer } = await pressed();
  expect(await answer({ text: "a".repeat(201) })).toEqual(badRequest("MESSAGE_TOO_LONG"));
  expect(await answer({ text: "a".repeat(200) })).toMatchObject({ ok: true });
});
