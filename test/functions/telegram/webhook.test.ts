// Over 300 lines, because it is one list: what may come to the address, against the same webhook.
//
// What is decided before the database and after it. With a real one: the end-to-end tests of the whole function.
import { describe, expect, test } from "vitest";
import type { AdminResponse, RefusalCounts, UpdateClaim, UpdateHead } from "../../../functions/_shared/db.ts";
import { RpcError } from "../../../functions/_shared/errors.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import type { Admission, Handling } from "../../../functions/telegram/bot.ts";
import { createRefusals } from "../../../functions/telegram/refusals.ts";
import { createWebhook } from "../../../functions/telegram/webhook.ts";

const SECRET = "s3cret-of_the-webhook";
const RESPONSE: AdminResponse = { screen: "traces", characters: 812, query_ms: 3, retry_after: 1 };
const away = () => Promise.reject(new RpcError({ code: "", message: "fetch failed" }, 0));

const CLAIMED: UpdateClaim = { claim: "claimed", role: "owner", lane: "yours", rich: true };
const claiming = (claim: UpdateClaim) => ({ claim: () => Promise.resolve(claim) });

interface Options {
  username?: string | undefined;
  claim?: () => Promise<UpdateClaim>;
  handled?: boolean;
  finish?: () => Promise<void>;
  count?: () => Promise<void>;
  later?: Promise<Handling>;
}

/** Records in one list what the webhook asks for, in order. */
function setUp(options: Options = {}) {
  const { claim = () => Promise.resolve(CLAIMED), handled = true, finish, count } = options;
  const asked: string[] = [];
  const heads: UpdateHead[] = [];
  const backgrounds: Promise<void>[] = [];
  const admissions: Admission[] = [];
  const counted: RefusalCounts[] = [];
  const recorded: AdminResponse[] = [];
  const logged: LogRecord[] = [];
  const clock = { now: 0 };
  const done = () => Promise.resolve();
  const now = () => new Date(clock.now);
  const log = (record: LogRecord) => void logged.push(record);
  function countRefusals(counts: RefusalCounts) {
    counted.push(counts);
    return (count ?? done)();
  }
  const webhook = createWebhook({
    secret: SECRET,
    refusals: createRefusals({ db: { countRefusals }, log, now }),
    username: "username" in options ? options.username : "my_bot",
    adminIds: [1001],
    db: {
      claimUpdate(head, refusals = {}) {
        asked.push(`claim ${head.update_id}`);
        heads.push(head);
        if (Object.keys(refusals).length > 0) counted.push(refusals);
        return claim();
      },
      finishUpdate(id, ok, { responses }) {
        asked.push(`finish ${id} ${ok}`);
        recorded.push(...responses);
        return (finish ?? done)();
      },
    },
    bot: {
      handle(update, admission) {
        asked.push(`handle ${update.update_id}`);
        admissions.push(admission);
        const { later } = options;
        return Promise.resolve({ handled, responses: [RESPONSE], richRefused: false, ...(later && { later }) });
      },
    },
    log,
    now,
    sleep: () => Promise.resolve(),
    background: (work) => void backgrounds.push(work),
  });
  return { webhook, backgrounds, asked, heads, admissions, counted, recorded, logged, clock };
}

const post = (body: BodyInit, secret: string | null = SECRET) =>
  new Request("http://x/functions/v1/telegram", {
    method: "POST",
    body,
    headers: secret === null ? {} : { "x-telegram-bot-api-secret-token": secret },
  });

const from = (id: number, update_id = 9) => said("/start", { id, type: "private" }, id, update_id);

const said = (text: string, chat: object, id = 1001, update_id = 9) =>
  post(JSON.stringify({ update_id, message: { message_id: 5, from: { id }, chat, text } }));

const pressed = (data: unknown, over: object = { message: { message_id: 7, chat: { id: 1001, type: "private" } } }) =>
  post(JSON.stringify({ update_id: 9, callback_query: { id: "1", from: { id: 1001 }, data, ...over } }));

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
    const { webhook, asked, logged, counted } = setUp();
    expect((await webhook(request())).status).toBe(status);
    expect([asked, logged]).toEqual([[], []]);
    expect(counted).toEqual({ 405: [], 401: [{ wrong_secret: 1 }] }[status] ?? [{ not_an_update: 1 }]);
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
  const refused = claiming({ claim: "refused" });

  test("are asked for once in a while, and logged once each", async () => {
    const { webhook, asked, logged, counted, clock } = setUp(refused);
    for (const id of [6666, 7777, 6666, 6666, 6666]) expect((await webhook(from(id))).status).toBe(200);
    expect(asked).toEqual(["claim 9", "claim 9"]);
    expect(logged).toEqual([6666, 7777].map((user_id) => (
      { level: "info", event: "update_ignored", user_id, chat_type: "private" }
    )));
    // Those that nobody was asked for: one at once, the others with what is asked next.
    expect(counted).toEqual([{ stranger: 1 }]);
    clock.now = 10_000;
    await webhook(from(6666));
    expect(asked).toHaveLength(3);
    expect(counted).toEqual([{ stranger: 1 }, { stranger: 2 }]);
    expect(logged).toHaveLength(2);
  });

  test("in a crowd do not fill the log", async () => {
    const { webhook, logged } = setUp(refused);
    for (let id = 2000; id < 3100; id++) await webhook(from(id));
    expect(logged).toHaveLength(1000);
  });

  test("who ask to allow a group are asked for each time: an owner may have been refused there", async () => {
    const { webhook, asked } = setUp(refused);
    const group = { id: -100, type: "supergroup" };
    await webhook(said("/admin", group));
    await webhook(said("/admin", group));
    await webhook(said("/admin allow", group));
    expect(asked).toEqual(["claim 9", "claim 9"]);
  });
});

describe("a flood of what is refused", () => {
  test.each<[string, () => Request, keyof RefusalCounts]>([
    ["a wrong secret", () => post("{}", "wrong"), "wrong_secret"],
    ["no update", () => post("{}"), "not_an_update"],
    ["forged data", () => pressed("2xx"), "forged_data"],
  ])("%s: is one call in five seconds, and none is lost", async (_, request, reason) => {
    const { webhook, asked, counted, clock } = setUp();
    for (clock.now = 0; clock.now < 12_000; clock.now += 100) await webhook(request());
    expect(counted.map((counts) => Object.keys(counts))).toEqual([[reason], [reason], [reason]]);
    expect(counted.map((counts) => counts[reason])).toEqual([1, 50, 50]);
    expect(asked).toEqual([]);
    await webhook(from(1001));
    expect(counted[3]).toEqual({ [reason]: 19 });
  });

  test("is counted later, when the database is away", async () => {
    let isAway = true;
    const answer = () => isAway ? away() : Promise.resolve();
    const { webhook, counted, clock } = setUp({ count: answer, claim: () => answer().then(() => CLAIMED) });
    await webhook(post("{}", "wrong"));
    await webhook(post("{}"));
    await webhook(from(1001));
    isAway = false;
    clock.now = 5000;
    await webhook(post("{}", "wrong"));
    expect(counted.at(-1)).toEqual({ wrong_secret: 2, not_an_update: 1 });
  });
});

describe("what the database is asked", () => {
  const me = { update_id: 9, user_id: 1001, bootstrap: true };
  const group = { id: -100, type: "supergroup" };

  test.each<[string, Request, object]>([
    ["a command", said("/admin traces", { id: 1001, type: "private" }), {
      ...me,
      chat_id: 1001,
      chat_type: "private",
      message_id: null,
      allows: false,
    }],
    ["a press", pressed("2h"), { ...me, chat_id: 1001, chat_type: "private", message_id: 7, allows: false }],
    ["a press of an earlier version", pressed("1l"), { ...me, message_id: 7 }],
    ["somebody whom the secret does not name", from(5), { user_id: 5, bootstrap: false }],
    ["a command in a group", said("/admin@my_bot", group), {
      ...me,
      chat_id: -100,
      chat_type: "supergroup",
      allows: false,
    }],
    ["the wish to allow a group", said("/admin allow", group), { ...me, chat_id: -100, allows: true }],
    ["a trace in a group", said("/trace", group), { chat_id: -100 }],
    ["a clear start in a group", said("/start@my_bot", group), { chat_id: -100 }],
  ])("about %s", async (_, request, head) => {
    const { webhook, heads } = setUp();
    await webhook(request);
    expect(heads).toEqual([expect.objectContaining(head)]);
  });

  test.each<[string, Request]>([
    ["talk in a group", said("hello", group)],
    ["a command for some bot in a group", said("/start", group)],
    ["a command for another bot", said("/admin@your_bot", group)],
    [
      "a picture",
      post('{"update_id":9,"message":{"message_id":5,"from":{"id":1001},"chat":{"id":1001,"type":"private"}}}'),
    ],
    ["a press on an inline message", pressed("2h", {})],
    ["a game", pressed(undefined)],
    ["a message without a sender", post('{"update_id":9,"message":{"message_id":5,"chat":{"id":1},"text":"x"}}')],
    ["a message that is none", post('{"update_id":9,"message":null}')],
    ["an edit", post('{"update_id":9,"edited_message":{"message_id":5,"from":{"id":1001},"text":"x"}}')],
    ["nothing at all", post('{"update_id":9}')],
  ])("nothing about %s", async (_, request) => {
    const { webhook, asked, counted } = setUp();
    expect(await (await webhook(request)).json()).toEqual({ code: "ignored" });
    expect([asked, counted]).toEqual([[], []]);
  });

  test("nothing about a command that names a bot in a group, while our name is not known", async () => {
    const { webhook, asked } = setUp({ username: undefined });
    for (const text of ["/admin@your_bot", "/trace@your_bot", "/start@your_bot"]) {
      expect(await (await webhook(said(text, group))).json()).toEqual({ code: "ignored" });
    }
    expect(asked).toEqual([]);
    await webhook(said("/admin", group));
    await webhook(said("/admin@some_bot", { id: 1001, type: "private" }));
    expect(asked.filter((what) => what.startsWith("claim"))).toHaveLength(2);
  });

  test.each<[string, Request]>([
    ["a sender", said("/admin", { id: 1001, type: "private" }, "1001" as never)],
    ["a chat", said("/admin", { id: "abc", type: "private" })],
    ["a fraction of a chat", said("/admin", { id: 1.5, type: "private" })],
    ["a message", pressed("2h", { message: { message_id: 2 ** 60, chat: { id: 1001, type: "private" } } })],
  ])("nothing about %s whose id is none: it is counted", async (_, request) => {
    const { webhook, asked, counted } = setUp();
    expect((await webhook(request)).status).toBe(400);
    expect([asked, counted]).toEqual([[], [{ not_an_update: 1 }]]);
  });

  test.each(["", "9l", "2", "garbage 🙂", "2lo!", "2h2"])("nothing about data %j: it is counted", async (data) => {
    const { webhook, asked, counted } = setUp();
    expect((await webhook(pressed(data))).status).toBe(200);
    expect([asked, counted]).toEqual([[], [{ forged_data: 1 }]]);
  });
});

describe("an update of an admin", () => {
  test.each([
    ["is handled once", {}, 200, ["claim 9", "handle 9", "finish 9 true"]],
    ["handled before is done", claiming({ claim: "done" }), 200, ["claim 9"]],
    ["in other hands comes again", claiming({ claim: "busy" }), 503, ["claim 9"]],
    ["that failed is given back", { handled: false }, 500, ["claim 9", "handle 9", "finish 9 false"]],
    ["is handled without a claim while the database is away", { claim: away }, 200, [
      "claim 9",
      "handle 9",
      "finish 9 true",
    ]],
    ["comes again when that failed, too", { claim: away, handled: false }, 503, [
      "claim 9",
      "handle 9",
      "finish 9 false",
    ]],
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

  test("that goes on is answered, and ended when it has", async () => {
    let go = () => {};
    const later = new Promise<void>((resolve) => go = resolve)
      .then(() => ({ handled: true, responses: [RESPONSE], richRefused: false }));
    const { webhook, asked, recorded, backgrounds } = setUp({ later });
    expect((await webhook(from(1001))).status).toBe(200);
    expect(asked).toEqual(["claim 9", "handle 9"]);
    go();
    await backgrounds[0];
    expect([asked.at(-1), recorded, backgrounds.length]).toEqual(["finish 9 true", [RESPONSE], 1]);
  });

  test.each([true, false])("goes with what was answered to it, handled: %s", async (handled) => {
    const { webhook, recorded } = setUp({ handled });
    await webhook(from(1001));
    expect(recorded).toEqual([RESPONSE]);
  });

  test("goes on with what the claim said", async () => {
    const { webhook, admissions } = setUp(claiming({ claim: "claimed", role: "viewer", lane: "wait", rich: false }));
    await webhook(from(5));
    expect(admissions).toMatchObject([{ role: "viewer", lane: "wait", rich: false }]);
    expect(admissions[0]!.unclaimed).toBeUndefined();
  });

  test("without a claim is an owner's by the secret, in private, and says why there is none", async () => {
    const { webhook, admissions, asked } = setUp({ claim: away });
    expect((await webhook(from(1001))).status).toBe(200);
    expect(admissions).toMatchObject([{ role: "owner", unclaimed: { code: "", status: 503 } }]);
    for (const request of [from(5), said("/admin", { id: -100, type: "group" })]) {
      expect((await webhook(request)).status).toBe(503);
    }
    expect(asked.filter((what) => what.startsWith("handle"))).toHaveLength(1);
  });

  test("whose claim fails is logged", async () => {
    const { webhook, logged } = setUp({ claim: away });
    await webhook(from(1001));
    expect(logged).toMatchObject([{ level: "warn", event: "claim_failed", update_id: 9 }]);
  });
});
