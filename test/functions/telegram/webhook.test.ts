// What is decided before the database and after it. With a real one: the end-to-end tests of the whole function.
import { describe, expect, test } from "vitest";
import type { AdminResponse, UpdateClaim } from "../../../functions/_shared/db.ts";
import { RpcError } from "../../../functions/_shared/errors.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { createWebhook } from "../../../functions/telegram/webhook.ts";

const SECRET = "s3cret-of_the-webhook";
const RESPONSE: AdminResponse = { screen: "traces", characters: 812, query_ms: 3, retry_after: 1 };
const away = () => Promise.reject(new RpcError({ code: "", message: "fetch failed" }, 0));

/** Records in one list what the webhook asks for, in order. */
function setUp(options: { claim?: () => Promise<UpdateClaim>; handled?: boolean; finish?: () => Promise<void> } = {}) {
  const { claim = () => Promise.resolve("claimed"), handled = true, finish = () => Promise.resolve() } = options;
  const asked: string[] = [];
  const recorded: AdminResponse[] = [];
  const logged: LogRecord[] = [];
  const webhook = createWebhook({
    secret: SECRET,
    db: {
      claimUpdate: (id) => (asked.push(`claim ${id}`), claim()),
      finishUpdate: (id, ok, responses) => (asked.push(`finish ${id} ${ok}`), recorded.push(...responses), finish()),
    },
    bot: {
      admits: (update) => "message" in update && update.message.from.id === 1001,
      handle: (
        update,
      ) => (asked.push(`handle ${update.update_id}`), Promise.resolve({ handled, responses: [RESPONSE] })),
    },
    log: (record) => void logged.push(record),
  });
  return { webhook, asked, recorded, logged };
}

const post = (body: BodyInit, secret: string | null = SECRET) =>
  new Request("http://x/functions/v1/telegram", {
    method: "POST",
    body,
    headers: secret === null ? {} : { "x-telegram-bot-api-secret-token": secret },
  });

const from = (id: number, update_id = 9) =>
  post(JSON.stringify({ update_id, message: { from: { id }, chat: { id, type: "private" } } }));

describe("before anything is touched", () => {
  test.each([
    ["GET", () => new Request("http://x/"), 405],
    ["no secret", () => post("{}", null), 401],
    ["a wrong secret", () => post("{}", `${SECRET}x`), 401],
    ["a body that is not JSON", () => post("{"), 400],
    ["no body", () => post(""), 400],
    ["JSON that is no object", () => post("null"), 400],
    ["no update_id", () => post("{}"), 400],
    ["an update_id that is no integer", () => post('{"update_id": "9"}'), 400],
    ["a body over 1 MiB", () => post(" ".repeat(1024 * 1024 + 1)), 413],
  ])("%s", async (_, request, status) => {
    const { webhook, asked, logged } = setUp();
    expect((await webhook(request())).status).toBe(status);
    expect([asked, logged]).toEqual([[], []]);
  });

  test("a body without the secret is not read", async () => {
    const request = post('{"update_id":9}', "wrong");
    expect((await setUp().webhook(request)).status).toBe(401);
    expect(request.bodyUsed).toBe(false);
  });

  test("a body of exactly 1 MiB is taken", async () => {
    const update = '{"update_id":9}';
    expect((await setUp().webhook(post(update.padEnd(1024 * 1024)))).status).toBe(200);
  });
});

describe("strangers", () => {
  test("cost no query, and are logged once each", async () => {
    const { webhook, asked, logged } = setUp();
    for (const id of [6666, 7777, 6666, 6666]) expect((await webhook(from(id))).status).toBe(200);
    expect(asked).toEqual([]);
    expect(logged).toEqual([6666, 7777].map((user_id) => (
      { level: "info", event: "update_ignored", user_id, chat_type: "private" }
    )));
  });

  test("in a crowd do not fill the log", async () => {
    const { webhook, logged } = setUp();
    for (let id = 2000; id < 3100; id++) await webhook(from(id));
    expect(logged).toHaveLength(1000);
  });
});

describe("an update of an admin", () => {
  test.each([
    ["is handled once", {}, 200, ["claim 9", "handle 9", "finish 9 true"]],
    ["handled before is done", { claim: () => Promise.resolve("done" as const) }, 200, ["claim 9"]],
    ["in other hands comes again", { claim: () => Promise.resolve("busy" as const) }, 503, ["claim 9"]],
    ["that failed is given back", { handled: false }, 500, ["claim 9", "handle 9", "finish 9 false"]],
    ["is handled without a claim while the database is away", { claim: away }, 200, ["claim 9", "handle 9"]],
    ["comes again when that failed, too", { claim: away, handled: false }, 503, ["claim 9", "handle 9"]],
    ["is not handled twice when its end was not stored", { finish: away }, 200, [
      "claim 9",
      "handle 9",
      "finish 9 true",
    ]],
    ["that failed comes again, even when that was not stored", { handled: false, finish: away }, 500, [
      "claim 9",
      "handle 9",
      "finish 9 false",
    ]],
  ])("%s", async (_, options, status, expected) => {
    const { webhook, asked } = setUp(options);
    expect((await webhook(from(1001))).status).toBe(status);
    expect(asked).toEqual(expected);
  });

  test.each([true, false])("goes with what was answered to it, handled: %s", async (handled) => {
    const { webhook, recorded } = setUp({ handled });
    await webhook(from(1001));
    expect(recorded).toEqual([RESPONSE]);
  });

  test("whose claim fails is logged", async () => {
    const { webhook, logged } = setUp({ claim: away });
    await webhook(from(1001));
    expect(logged).toMatchObject([{ level: "warn", event: "claim_failed", update_id: 9 }]);
  });
});
