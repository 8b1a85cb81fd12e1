// Who is answered, where, and what is left behind by those who are not: the whole way, as each of them sees it.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Action, encodeAction } from "../../../functions/telegram/callback.ts";
import { ADMIN_BOT, type AdminStack, lastOf, startAdminStack, toastIn } from "../../_support/admin.ts";
import { refused } from "../../_support/updates.ts";

let stack: AdminStack;
let db: pg.Client;
beforeAll(async () => {
  stack = await startAdminStack({
    users: [[1002, "Grace"], [3003, "Carol"], [3004, "Dan"], [MALLORY, "Mallory"]].map(([id, first_name]) => (
      { id: Number(id), first_name: String(first_name) }
    )),
  });
  db = stack.client("postgres");
  await db.connect();
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});
beforeEach(async () => {
  const written = ["admins", "admin_chats", "admin_audit", "admin_refusals"];
  await db.query(written.map((table) => `delete from tracegram.${table}`).join("; "));
});

const MALLORY = 6666;
const HOME = encodeAction({ screen: "home" });
const admin = { id: 1001, is_bot: false, first_name: "Ada" };
let nextUpdate = 1;
/** Updates as only Telegram sends them. */
const said = (text: string, from = admin, chat: object = { id: from.id, type: "private" }) => ({
  update_id: nextUpdate++,
  message: { message_id: 1, date: 0, from, chat, text },
});
const pressed = (message_id: number, data: string, from = admin, chat: object = { id: from.id, type: "private" }) => ({
  update_id: nextUpdate++,
  callback_query: { id: "1", from, chat_instance: "1", data, message: { message_id, date: 0, chat, text: "x" } },
});

/** The bot calls nothing while `act` runs, and no update is claimed. */
async function expectNothing(act: () => Promise<unknown>): Promise<void> {
  const { calls } = stack.telegram.client.records;
  const claims = async () => (await db.query("select count(*) from tracegram.seen_updates")).rows[0].count;
  const before = [calls.length, await claims()];
  await act();
  expect([calls.length, await claims()]).toEqual(before);
}

const audit = async () =>
  (await db.query("select user_id::int, role, action, detail, allowed from tracegram.admin_audit order by audit_id"))
    .rows;

describe("gets nothing, and is counted:", () => {
  test("who does not know the secret", async () => {
    await expectNothing(async () => {
      for (const secret of ["", "wrong", `${stack.info.webhook_secret}x`, stack.info.webhook_secret.slice(1)]) {
        expect((await stack.post(said("/start"), secret)).status).toBe(401);
      }
    });
    // One of the first of them at the latest, the others with what comes next.
    await stack.person().say("/start");
    expect(await refused(db)).toEqual({ wrong_secret: 4 });
  });

  test("a stranger, also one who presses an admin's button", async () => {
    const { message_id } = lastOf(await stack.person().say("/start"));
    const mallory = stack.person(MALLORY);
    await expectNothing(async () => {
      await mallory.say("/admin traces");
      await mallory.say("/start");
      const stranger = { ...admin, id: MALLORY };
      expect((await stack.post(pressed(message_id, HOME, stranger, { id: 1001, type: "private" }))).status).toBe(200);
    });
    expect(mallory.view().messages.map((message) => message.from.id)).toEqual([MALLORY, MALLORY]);
    await stack.person().say("/start");
    expect(await refused(db)).toEqual({ stranger: 3 });
  });

  test("a flood of strangers, with a query each ten seconds at most", async () => {
    const stranger = { ...admin, id: 7777 };
    await expectNothing(() => Promise.all(Array.from({ length: 200 }, () => stack.post(said("hi", stranger)))));
    await stack.person().say("/start");
    expect(await refused(db)).toEqual({ stranger: 200 });
  });

  test.each(["", "9l", "🙂".repeat(16), `2t${"A".repeat(22)}`, `2l'; drop table x; --`])(
    "forged data %j",
    async (data) => {
      const ada = stack.person();
      const view = await ada.say("/start");
      await expectNothing(() => ada.forge(data));
      expect(lastOf(ada.view())).toEqual(lastOf(view));
      await ada.say("/start");
      expect(await refused(db)).toEqual({ forged_data: 1 });
    },
  );
});

describe("in a group", () => {
  /** A group with these people and the bot, and what says a text in it and waits until the bot has heard it. */
  function group(...members: number[]) {
    const { client } = stack.telegram;
    const { key, chat } = client.createGroup({ title: "On call", members, bots: [ADMIN_BOT] });
    return {
      chat,
      said: () => client.chat(key).messages,
      say: (text: string) => stack.accepted(() => `${chat.id}:${client.send({ chat: key, text }).message_id}`),
    };
  }

  test("nobody is answered before an owner has allowed it", async () => {
    const { chat, say } = group(1001);
    await expectNothing(async () => {
      for (const text of ["/admin traces", `/admin@${ADMIN_BOT} traces`]) await say(text);
      expect((await stack.post(pressed(1, HOME, admin, chat))).status).toBe(200);
    });
    await stack.person().say("/start");
    expect(await refused(db)).toMatchObject({ group: expect.any(Number) });
  });

  test("admins are, once an owner has, until the owner takes it back", async () => {
    const { say, said } = group(1001);
    await say("/admin allow");
    expect(said().at(-1)!.text).toMatch(/^Admins are answered in this group now\./);
    await say("/admin traces");
    expect(said().at(-1)!.text).toMatch(/^No traces/);
    await say("/admin deny");
    expect(said().at(-1)!.text).toBe("Nobody is answered in this group any more.");
    const count = said().length;
    await say("/admin traces");
    expect(said()).toHaveLength(count + 1);
    expect((await audit()).map(({ action, detail }) => [action, detail.allowed])).toEqual([
      ["allow_chat", true],
      ["allow_chat", false],
    ]);
  });

  test("a stranger is not, and an operator may not allow it", async () => {
    await stack.person().say("/start");
    await db.query("insert into tracegram.admins (user_id, role) values (2002, 'operator')");
    const grace = { ...admin, id: 2002 };
    const { chat } = group(1001);
    await expectNothing(() => stack.post(said("/admin allow", grace, chat)));
    await stack.post(said("/admin allow", admin, chat));
    await expectNothing(() => stack.post(said("/admin traces", { ...admin, id: MALLORY }, chat)));
  });
});

describe("an owner", () => {
  test("adds an admin, who is answered, and who has lost the old buttons when removed", async () => {
    const ada = stack.person();
    expect(lastOf(await ada.say("/admin add 3003 operator")).text).toBe("3003 is an operator now.");
    const carol = stack.person(3003);
    const { message_id } = lastOf(await carol.say("/admin traces"));
    expect(lastOf(carol.view()).from.id).not.toBe(3003);
    expect(lastOf(await ada.say("/admin remove 3003")).text).toBe("3003 is no admin any more.");
    await expectNothing(() => stack.post(pressed(message_id, HOME, { ...admin, id: 3003 })));
    expect((await audit()).map(({ user_id, detail }) => [user_id, detail])).toEqual([
      [1001, { user_id: 3003, was: null, role: "operator" }],
      [1001, { user_id: 3003, was: "operator", role: null }],
    ]);
    expect(lastOf(await ada.say("/admin audit")).text).toMatch(
      /removed 3003 \(was operator\)\n\n.*\n +made 3003 operator/,
    );
  });

  test("who is demoted finds the old buttons refused that take more", async () => {
    await stack.person().say("/start");
    await db.query("insert into tracegram.admins (user_id, role) values (3004, 'viewer')");
    const dan = stack.person(3004);
    await dan.say("/admin traces");
    const before = lastOf(dan.view());
    const actions = [{ screen: "settings", set: { setting: 0, choice: 0 } }, {
      screen: "alert",
      alert_id: 1,
      act: "mute_1h",
    }];
    for (const action of actions) {
      await dan.forge(encodeAction(action as Action));
      expect(toastIn(stack)).toMatch(/^You may not do this\./);
      expect(lastOf(dan.view())).toEqual(before);
    }
    expect(await audit()).toMatchObject([
      {
        user_id: 3004,
        role: "viewer",
        action: "change_settings",
        detail: { after: { trace_days: 7 } },
        allowed: false,
      },
      { user_id: 3004, role: "viewer", action: "alert_mute_1h", detail: { alert_id: 1 }, allowed: false },
    ]);
    expect(await refused(db)).toEqual({ forbidden: 2 });
  });

  test("by the secret stays one, and hears why", async () => {
    const ada = stack.person();
    await ada.say("/start");
    expect(lastOf(await ada.say("/admin remove 1002")).text).toMatch(/^1002 is an owner by TELEGRAM_ADMIN_IDS\./);
    expect(lastOf(await ada.say("/admin add 1001 viewer")).text).toMatch(/^1001 is an owner by TELEGRAM_ADMIN_IDS\./);
  });
});
