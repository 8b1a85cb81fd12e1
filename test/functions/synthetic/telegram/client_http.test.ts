import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serve, type Served } from "../../../../scripts/stack/serve.ts";
import { ADA, BOB, CHAT, keyboard, setUp, TOKEN } from "./_support.ts";
import { png } from "./pictures.ts";

let set: ReturnType<typeof setUp>;
let server: Served;
beforeEach(async () => {
  set = setUp();
  server = await serve(set.telegram.handle, { port: 0 });
});
afterEach(async () => {
  set.telegram.close();
  await server.close();
});

const call = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${server.url}/client/${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return [response.status, await response.json()];
};

test("a conversation", async () => {
  expect(await call("GET", "chats")).toMatchObject([200, [{ key: CHAT, started: true }]]);
  expect(await call("POST", `chats/${CHAT}/messages`, { text: "/admin traces" }))
    .toMatchObject([200, { message_id: 2, entities: [{ type: "bot_command" }] }]);
  const { result: { message_id } } = await set.say("a", { reply_markup: keyboard("Go") });
  const [, { query_id }] = await call("POST", `chats/${CHAT}/presses`, { message_id, label: "Go" });
  await set.api("answerCallbackQuery", { callback_query_id: query_id, text: "done" });
  expect(await call("GET", `answers/${query_id}`)).toMatchObject([200, { text: "done" }]);
  expect(await call("GET", `chats/${CHAT}`)).toMatchObject([200, { messages: [{}, {}, { text: "a" }] }]);
});

test("opens chats and groups, adds users, blocks", async () => {
  expect(await call("POST", "users", { id: 5, first_name: "Eve" })).toMatchObject([200, { id: 5, is_bot: false }]);
  expect(await call("POST", "chats", { user: 5, bot: "first_bot" })).toMatchObject([200, { key: "7001:5" }]);
  expect(await call("POST", "chats", { title: "g", members: [5, BOB.id], bots: [7001] }))
    .toMatchObject([200, { chat: { title: "g" } }]);
  expect(await call("POST", `chats/${CHAT}/block`, { blocked: true })).toMatchObject([200, { blocked: true }]);
});

test("a long poll answers as soon as the chat is newer", async () => {
  const { version } = set.client.chat(CHAT);
  const poll = call("GET", `chats/${CHAT}?after=${version}&timeout=60`);
  await set.say("late");
  expect(await poll).toMatchObject([200, { messages: [{}, { text: "late" }] }]);
  expect(await call("GET", `chats/${CHAT}?after=99&timeout=0`)).toMatchObject([200, { messages: [{}, {}] }]);
});

test("events stream, and end with Telegram", async () => {
  const response = await fetch(`${server.url}/client/events`);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  await set.say("a");
  const version = set.client.chat(CHAT).version;
  set.telegram.close();
  expect(await response.text())
    .toBe(`: connected\n\ndata: ${JSON.stringify({ chat: CHAT, kind: "message", version })}\n\n`);
});

test("a file is a download, whatever the bot calls it", async () => {
  const body = new FormData();
  body.append("chat_id", String(ADA.id));
  body.append("document", new File(["<script>"], 'ä";\r\nx.html', { type: "text/html" }));
  const sent = await fetch(`${server.url}/bot${TOKEN}/sendDocument`, { method: "POST", body });
  const { result: { document } } = await sent.json() as { result: { document: { file_id: string } } };
  const response = await fetch(`${server.url}/client/files/${document.file_id}`);
  expect(await response.text()).toBe("<script>");
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename\*=UTF-8''%C3%A4[\w%.]*x\.html$/);
});

test("a picture is shown as what it is, alone", async () => {
  const body = new FormData();
  body.append("chat_id", String(ADA.id));
  body.append("photo", new File([png(3, 2)], "<a>.svg", { type: "image/svg+xml" }));
  const sent = await fetch(`${server.url}/bot${TOKEN}/sendPhoto`, { method: "POST", body });
  const { result } = await sent.json();
  const response = await fetch(`${server.url}/client/files/${result.photo[0].file_id}`);
  expect(response.headers.get("content-type")).toBe("image/png");
  expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(png(3, 2));
});

test("replies, menus, features, and throwing a bot out", async () => {
  expect(await call("POST", `chats/${CHAT}/messages`, { text: "/trace", reply_to: 1 }))
    .toMatchObject([200, { reply_to_message: { text: "/start" } }]);
  await set.api("setMyCommands", { commands: [{ command: "admin", description: "Traces" }] });
  expect(await call("GET", `chats/${CHAT}/menu?user=${ADA.id}`)).toEqual([200, [{
    command: "admin",
    description: "Traces",
  }]]);
  expect(await call("POST", "features", { rich: false, chat: CHAT })).toEqual([200, {}]);
  expect(await set.api("sendRichMessage", { chat_id: ADA.id, rich_message: { html: "a" } }))
    .toMatchObject({ error_code: 404 });
  expect(await call("GET", "settled?timeout=0")).toEqual([200, { settled: false }]);
  await set.api("getUpdates", { offset: 100 });
  expect(await call("GET", "settled?timeout=0")).toEqual([200, { settled: true }]);
  const [, { key }] = await call("POST", "chats", {
    title: "g",
    type: "group",
    members: [ADA.id],
    bots: ["first_bot"],
  });
  expect(await call("POST", `chats/${key}/kick`, { bot: "first_bot" })).toMatchObject([200, { bots: [] }]);
});

test("faults and records", async () => {
  const fault = { kind: "respond", status: 500, body: { ok: false } };
  await call("POST", "faults", { method: "getMe", times: 2, fault });
  expect(await set.api("getMe")).toEqual({ ok: false });
  await call("DELETE", "faults");
  expect(await set.api("getMe")).toMatchObject({ ok: true });
  expect(await call("GET", "records"))
    .toMatchObject([200, { calls: [{ method: "getMe", status: 500 }, { status: 200 }], deliveries: [] }]);
});

test("a dropped connection is dropped", async () => {
  set.client.fault({ method: "getMe", fault: { kind: "drop", applied: false } });
  await expect(fetch(`${server.url}/bot${TOKEN}/getMe`)).rejects.toThrow("fetch failed");
});

describe("refusals", () => {
  test.each([
    ["GET", "nothing", undefined, 404, "there is no GET /client/nothing"],
    ["GET", "chats/%zz", undefined, 400, "URI malformed"],
    ["GET", "chats/x", undefined, 400, "there is no chat x"],
    ["GET", "files/x", undefined, 404, "there is no file x, or it was too long ago"],
    ["POST", "users", [], 400, "the body must be a JSON object"],
    ["POST", "users", { id: "x" }, 400, "a user's id is a positive integer"],
    ["POST", "users", { id: 5 }, 400, "a user has a first name"],
    ["POST", "chats", { title: "g", members: 5 }, 400, "a group has a title, members and bots"],
    ["POST", `chats/${CHAT}/messages`, { text: 5 }, 400, "a message has a text"],
    ["POST", "faults", {}, 400, "a fault has a known kind"],
    [
      "POST",
      `chats/${CHAT}/messages`,
      { text: "a".repeat(100_000) },
      413,
      "the body must not exceed 100000 characters",
    ],
  ])("%s %s", async (method, path, body, status, error) => {
    expect(await call(method, path, body)).toEqual([status, { error }]);
  });

  test("a form of another origin cannot post", async () => {
    const response = await fetch(`${server.url}/client/chats/${CHAT}/messages`, {
      method: "POST",
      body: '{"text":"x"}',
    });
    expect(response.status).toBe(415);
    expect(set.client.chat(CHAT).messages).toHaveLength(1);
  });
});
