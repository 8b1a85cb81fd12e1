import { expect, test } from "vitest";
import type { Telegram } from "../../../../functions/synthetic/telegram/telegram.ts";
import type { Update } from "../../../../functions/synthetic/telegram/types.ts";
import { ADA, BOB, CHAT, setUp, START } from "./_support.ts";

const URL = "https://bot.example/hook";

/** A bot's webhook: answers each delivery by `answer`, and lets a test await deliveries. */
function hook(answer: (update: Update, request: Request) => Response | Promise<Response>) {
  const requests: Request[] = [];
  const updates: Update[] = [];
  let arrived = () => {};
  const fetch = async (url: string | URL | Request, init?: RequestInit) => {
    const request = new Request(url, init);
    const update = await request.clone().json() as Update;
    requests.push(request);
    updates.push(update);
    arrived();
    return await answer(update, request);
  };
  const count = async (n: number) => {
    while (updates.length < n) await new Promise<void>((resolve) => arrived = resolve);
  };
  return { fetch: fetch as typeof globalThis.fetch, requests, updates, count };
}

const QUICK = { firstRetryMs: 1, maxRetryMs: 4 };
const ok = () => new Response("ok");
const texts = (updates: Update[]) => updates.map((u) => u.message?.text);

/** Resolves when nothing is pending any more. */
async function settled({ api, telegram }: { api: ReturnType<typeof setUp>["api"]; telegram: Telegram }) {
  while ((await api("getWebhookInfo")).result.pending_update_count > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  telegram.close();
}

test("delivers what was pending and what comes, as JSON with the secret", async () => {
  const { fetch, requests, updates, count } = hook(ok);
  const set = setUp({ fetch });
  await set.api("setWebhook", { url: URL, secret_token: "s-3_T" });
  set.client.send({ chat: CHAT, text: "b" });
  await count(2);
  expect(texts(updates)).toEqual(["/start", "b"]);
  const [{ method, url, headers, redirect }] = requests as [Request];
  expect([method, url, redirect]).toEqual(["POST", URL, "manual"]);
  expect(headers.get("content-type")).toBe("application/json");
  expect(headers.get("x-telegram-bot-api-secret-token")).toBe("s-3_T");
  await settled(set);
  expect(set.client.records.deliveries).toEqual([
    { bot: 7001, update_id: 1, attempt: 1, status: 200 },
    { bot: 7001, update_id: 2, attempt: 1, status: 200 },
  ]);
});

test("without a secret there is no header", async () => {
  const { fetch, requests, count } = hook(ok);
  const set = setUp({ fetch });
  await set.api("setWebhook", { url: URL });
  await count(1);
  expect(requests[0]!.headers.has("x-telegram-bot-api-secret-token")).toBe(false);
  await settled(set);
});

test("redelivers what was not accepted, in order, until it is", async () => {
  const refusals = [() => new Response("no", { status: 500, statusText: "Internal Server Error" }), () => {
    throw new TypeError("connection refused");
  }, () => Response.redirect("https://elsewhere.example/", 302)];
  const { fetch, updates, count } = hook(() => refusals.shift()?.() ?? ok());
  const set = setUp({ fetch, delivery: QUICK });
  set.client.send({ chat: CHAT, text: "b" });
  await set.api("setWebhook", { url: URL });
  await count(5);
  expect(texts(updates)).toEqual(["/start", "/start", "/start", "/start", "b"]);
  await settled(set);
  expect(set.client.records.deliveries.map((d) => [d.update_id, d.attempt, d.status])).toEqual([
    [1, 1, 500],
    [1, 2, 0],
    [1, 3, 302],
    [1, 4, 200],
    [2, 1, 200],
  ]);
});

test("getWebhookInfo tells the last error and what is pending", async () => {
  const { fetch, count } = hook(() => new Response("no", { status: 500, statusText: "Internal Server Error" }));
  const set = setUp({ fetch, delivery: QUICK });
  set.client.send({ chat: CHAT, text: "b" });
  await set.api("setWebhook", { url: URL });
  await count(2);
  expect((await set.api("getWebhookInfo")).result).toMatchObject({
    pending_update_count: 2,
    last_error_date: START / 1000,
    last_error_message: "Wrong response from the webhook: 500 Internal Server Error",
  });
  set.telegram.close();
});

test("a chat that fails does not hold up another", async () => {
  const { fetch, updates, count } = hook((update) =>
    update.message?.chat.id === ADA.id ? new Response(null, { status: 500 }) : ok()
  );
  const set = setUp({ fetch, delivery: { firstRetryMs: 60_000 } });
  const bob = set.client.openChat(BOB.id, "first_bot");
  await set.api("setWebhook", { url: URL });
  await count(1);
  set.client.send({ chat: bob.key, text: "x" });
  set.client.send({ chat: bob.key, text: "y" });
  await count(3);
  expect(texts(updates)).toEqual(["/start", "x", "y"]);
  set.telegram.close();
});

test("max_connections deliveries run at once, and one for each chat", async () => {
  const open: (() => void)[] = [];
  const { fetch, updates, count } = hook(() => new Promise((resolve) => open.push(() => resolve(ok()))));
  const set = setUp({ fetch });
  const users = [1, 2, 3].map((n) => set.client.addUser({ id: 2000 + n, first_name: `u${n}` }));
  for (const { id } of users) set.client.send({ chat: set.client.openChat(id, "first_bot").key, text: String(id) });
  set.client.send({ chat: CHAT, text: "second of Ada" });
  await set.api("setWebhook", { url: URL, max_connections: 2 });
  await count(2);
  expect(texts(updates)).toEqual(["/start", "2001"]);
  open.shift()!();
  await count(3);
  // The oldest that may run: 2002 came before Ada's second.
  expect(texts(updates)).toEqual(["/start", "2001", "2002"]);
  set.telegram.close();
});

test("a press does not wait for what was written before it, but for the presses of the same person", async () => {
  const open: (() => void)[] = [];
  const { fetch, updates, count } = hook(() => new Promise((resolve) => open.push(() => resolve(ok()))));
  const set = setUp({ fetch });
  await set.say("a", { reply_markup: { inline_keyboard: [[{ text: "Go", callback_data: "go" }]] } });
  for (let i = 0; i < 2; i++) set.client.press({ chat: CHAT, message_id: 2, label: "Go" });
  await set.api("setWebhook", { url: URL });
  await count(2);
  expect(updates.map((update) => update.message?.text ?? update.callback_query?.data)).toEqual(["/start", "go"]);
  expect(await set.client.settled(20)).toBe(false);
  open[1]!();
  await count(3);
  expect(updates[2]!.callback_query?.data).toBe("go");
  for (const accept of open) accept();
  expect(await set.client.settled()).toBe(true);
  set.telegram.close();
});

test("an answer may carry a call, which is recorded and applied", async () => {
  const { fetch } = hook(() => Response.json({ method: "sendMessage", chat_id: ADA.id, text: "by reply" }));
  const set = setUp({ fetch });
  await set.api("setWebhook", { url: URL });
  await set.client.until(CHAT, (chat) => chat.messages.at(-1)?.text === "by reply");
  await settled(set);
  expect(set.client.records.calls).toContainEqual(expect.objectContaining({ method: "sendMessage", status: 200 }));
});

test("but not one that changes or reads the webhook", async () => {
  const { fetch, count } = hook(() => Response.json({ method: "deleteWebhook" }));
  const set = setUp({ fetch });
  await set.api("setWebhook", { url: URL });
  await count(1);
  await settled(set);
  expect((await set.api("getWebhookInfo")).result.url).toBe(URL);
});

test("after deleteWebhook a delivery under way is not repeated by its failure", async () => {
  let fail = () => {};
  const { fetch, updates, count } = hook(() => new Promise((_, reject) => fail = () => reject(new TypeError("gone"))));
  const set = setUp({ fetch, delivery: QUICK });
  await set.api("setWebhook", { url: URL });
  await count(1);
  await set.api("deleteWebhook");
  fail();
  const { result } = await set.api("getUpdates");
  expect(texts(result)).toEqual(["/start"]);
  expect(updates).toHaveLength(1);
});
