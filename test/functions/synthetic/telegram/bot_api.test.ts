import { describe, expect, test } from "vitest";
import { ADA, badRequest, CHAT, OTHER_TOKEN, setUp, START, TOKEN } from "./_support.ts";

const get = async (telegram: ReturnType<typeof setUp>["telegram"], path: string, init?: RequestInit) => {
  const response = await telegram.handle(new Request(`http://t${path}`, init));
  return [response.status, await response.json()];
};

test.each([
  ["/bot1:wrong/getMe", 401, "Unauthorized"],
  ["/bot/getMe", 401, "Unauthorized"],
  [`/bot${TOKEN}/fly`, 404, "Not Found: method not found"],
  [`/bot${TOKEN}`, 404, "Not Found"],
  [`/bot${TOKEN}/getMe/x`, 404, "Not Found"],
  [`/bot${TOKEN}/`, 404, "Not Found"],
])("%s is %i", async (path, status, description) => {
  expect(await get(setUp().telegram, path)).toEqual([status, { ok: false, error_code: status, description }]);
});

describe("parameters", () => {
  const url = `/bot${TOKEN}/sendMessage`;
  const form = new FormData();
  form.append("chat_id", String(ADA.id));
  form.append("text", "a");
  test.each<[string, string, RequestInit]>([
    ["query string", `${url}?chat_id=${ADA.id}&text=a`, {}],
    ["JSON", url, {
      method: "POST",
      body: JSON.stringify({ chat_id: ADA.id, text: "a" }),
      headers: { "content-type": "application/json" },
    }],
    ["urlencoded", url, { method: "POST", body: new URLSearchParams({ chat_id: String(ADA.id), text: "a" }) }],
    ["multipart", url, { method: "POST", body: form }],
    ["method in other case", `/bot${TOKEN}/SENDMESSAGE?chat_id=${ADA.id}&text=a`, {}],
    ["escaped token", `/bot${TOKEN.replace(":", "%3A")}/sendMessage?chat_id=${ADA.id}&text=a`, {}],
  ])("from %s", async (_, path, init) => {
    expect(await get(setUp().telegram, path, init)).toMatchObject([200, { ok: true, result: { text: "a" } }]);
  });

  test.each(["{", "[]", "7"])("a JSON body must be an object: %s", async (body) => {
    const init = { method: "POST", body, headers: { "content-type": "application/json" } };
    expect(await get(setUp().telegram, url, init)).toEqual([400, badRequest("can't parse request parameters")]);
  });

  test("null is a value, as in Telegram", async () => {
    expect(await setUp().say("a", { reply_markup: null })).toEqual(badRequest("object expected as reply markup"));
  });
});

test("calls are recorded with their parameters and the answer as it was", async () => {
  const { api, say, client } = setUp();
  await say("a", { reply_markup: { inline_keyboard: [] } });
  await api("editMessageText", { chat_id: ADA.id, message_id: 2, text: "b" });
  await api("fly", {}, OTHER_TOKEN);
  expect(client.records.calls).toEqual([
    {
      at: START,
      bot: 7001,
      method: "sendMessage",
      params: { chat_id: "1001", text: "a", reply_markup: '{"inline_keyboard":[]}' },
      status: 200,
      body: { ok: true, result: expect.objectContaining({ text: "a" }) },
    },
    expect.objectContaining({ method: "editMessageText", status: 200 }),
    expect.objectContaining({ bot: 7002, method: "fly", status: 404 }),
  ]);
});

describe("faults", () => {
  test("an answer instead of the usual, for the next calls of one method", async () => {
    const { api, say, client } = setUp();
    client.fault({ method: "sendMessage", times: 2, fault: { kind: "respond", status: 502, body: { down: true } } });
    expect(await api("getMe")).toMatchObject({ ok: true });
    expect(await say("a")).toEqual({ down: true });
    expect(await say("a")).toEqual({ down: true });
    expect(await say("a")).toMatchObject({ ok: true });
    expect(client.chat(CHAT).messages).toHaveLength(2);
  });

  test("only for the bot it was ordered for, and forgotten when cleared", async () => {
    const { api, client } = setUp();
    client.fault({ bot: 7002, fault: { kind: "respond", status: 500, body: {} } });
    expect(await api("getMe")).toMatchObject({ ok: true });
    client.clearFaults();
    expect(await api("getMe", {}, OTHER_TOKEN)).toMatchObject({ ok: true });
  });

  test.each([[true, 2], [false, 1]])("a dropped connection, applied: %s", async (applied, messages) => {
    const { telegram, client } = setUp();
    client.fault({ method: "sendMessage", fault: { kind: "drop", applied } });
    const response = await telegram.handle(new Request(`http://t/bot${TOKEN}/sendMessage?chat_id=${ADA.id}&text=a`));
    expect(response.type).toBe("error");
    expect(client.chat(CHAT).messages).toHaveLength(messages);
    expect(client.records.calls).toMatchObject([{ status: 0 }]);
  });

  test("a delay lets others overtake", async () => {
    const { say, client } = setUp();
    client.fault({ method: "sendMessage", fault: { kind: "delay", ms: 20 } });
    const slow = say("slow");
    await say("fast");
    await slow;
    expect(client.chat(CHAT).messages.map((m) => m.text)).toEqual(["/start", "fast", "slow"]);
  });
});
