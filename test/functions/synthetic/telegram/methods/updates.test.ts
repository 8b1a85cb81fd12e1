import { describe, expect, test } from "vitest";
import { badRequest, CHAT, setUp } from "../_support.ts";

const conflict = (why: string) => ({ ok: false, error_code: 409, description: `Conflict: ${why}` });
const texts = (answer: { result: { message: { text: string } }[] }) => answer.result.map((u) => u.message.text);

describe("getUpdates", () => {
  test("gives updates in order until they are confirmed", async () => {
    const { api, client } = setUp();
    client.send({ chat: CHAT, text: "b" });
    client.send({ chat: CHAT, text: "c" });
    const { result } = await api("getUpdates");
    expect(result.map((u: { update_id: number }) => u.update_id)).toEqual([1, 2, 3]);
    expect(texts(await api("getUpdates", { limit: 1 }))).toEqual(["/start"]);
    expect(texts(await api("getUpdates", { offset: 2 }))).toEqual(["b", "c"]);
    expect(texts(await api("getUpdates", { offset: -1 }))).toEqual(["c"]);
    expect(texts(await api("getUpdates"))).toEqual(["c"]);
  });

  test("commands carry their entity", async () => {
    const { result: [{ message }] } = await setUp().api("getUpdates");
    expect(message.entities).toEqual([{ type: "bot_command", offset: 0, length: 6 }]);
  });

  test("waits for an update; a second poll ends the first", async () => {
    const { api, client } = setUp();
    const first = api("getUpdates", { offset: 2, timeout: 50 });
    const second = api("getUpdates", { offset: 2, timeout: 50 });
    expect(await first)
      .toEqual(conflict("terminated by other getUpdates request; make sure that only one bot instance is running"));
    client.send({ chat: CHAT, text: "late" });
    expect(texts(await second)).toEqual(["late"]);
  });

  test("a webhook ends the poll and forbids the next, until it is deleted", async () => {
    const { api, telegram } = setUp({ fetch: () => new Promise(() => {}) });
    const poll = api("getUpdates", { offset: 2, timeout: 50 });
    await api("setWebhook", { url: "https://bot.example/hook" });
    expect(await poll).toEqual(conflict("terminated by setWebhook request"));
    expect(await api("getUpdates")).toEqual(
      conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"),
    );
    await api("deleteWebhook");
    expect(await api("getUpdates")).toMatchObject({ ok: true });
    telegram.close();
  });

  test("ends when Telegram closes", async () => {
    const { api, telegram } = setUp();
    const last = api("getUpdates", { offset: 2, timeout: 50 });
    telegram.close();
    expect(await last).toEqual({ ok: true, result: [] });
  });

  test("only the kinds asked for, from then on", async () => {
    const { api, client } = setUp();
    await api("getUpdates", { allowed_updates: ["callback_query"] });
    client.send({ chat: CHAT, text: "unseen" });
    expect(texts(await api("getUpdates"))).toEqual(["/start"]);
    await api("getUpdates", { allowed_updates: [] });
    client.send({ chat: CHAT, text: "seen" });
    expect(texts(await api("getUpdates"))).toEqual(["/start", "seen"]);
  });
});

describe("setWebhook", () => {
  test.each([
    [{ url: "http://bot.example/hook" }, "bad webhook: An HTTPS URL must be provided for webhook"],
    [{ url: "http://127.0.0.1.evil.example/" }, "bad webhook: An HTTPS URL must be provided for webhook"],
    [{ url: "ftp://127.0.0.1/" }, "bad webhook: An HTTPS URL must be provided for webhook"],
    [{ url: "https://bot.example:8080/" }, "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"],
    [{ url: "hook" }, "invalid webhook URL specified"],
    [{ url: "https://b.example", secret_token: "a.b" }, "secret token contains unallowed characters"],
    [{ url: "https://b.example", secret_token: "a".repeat(257) }, "secret token is too long"],
  ])("refuses %j", async (params, complaint) => {
    const { api } = setUp();
    expect(await api("setWebhook", params)).toEqual(badRequest(complaint));
    expect((await api("getWebhookInfo")).result.url).toBe("");
  });

  test("getWebhookInfo tells the settings and what is pending", async () => {
    const { api, telegram } = setUp({ fetch: () => new Promise(() => {}) });
    const url = "https://bot.example/hook";
    await api("setWebhook", { url, max_connections: 500, allowed_updates: ["message"] });
    expect((await api("getWebhookInfo")).result).toEqual({
      url,
      has_custom_certificate: false,
      pending_update_count: 1,
      max_connections: 100,
      allowed_updates: ["message"],
    });
    await api("deleteWebhook", { drop_pending_updates: true });
    expect((await api("getWebhookInfo")).result).toMatchObject({ url: "", pending_update_count: 0 });
    telegram.close();
  });
});
