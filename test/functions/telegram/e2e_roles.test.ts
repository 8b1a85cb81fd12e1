// An owner, an operator and a viewer, each in a chat of their own, at the same alert, trace and settings.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Action, encodeAction } from "../../../functions/telegram/callback.ts";
import { type AdminStack, lastOf, type Person, saidIn, startAdminStack, toastIn } from "../../_support/admin.ts";
import { openAlert } from "../../_support/open_alert.ts";
import { makeTrace } from "../../_support/traces.ts";

const POLL = { timeout: 15_000, interval: 50 };
const [OWNER, OPERATOR, VIEWER] = [1001, 7201, 7202];
const REFUSED = /^You may not do this\.\s/;

const trace = makeTrace({
  started_at: Date.now() - 60_000,
  status: "error",
  error: "429",
  io: [{ step: 1, request: "a secret of Project X" }],
});
const io: Action = { screen: "io", trace_id: trace.trace_id, step: 1, side: "request", page: 0, back: { to: "home" } };

let stack: AdminStack;
let db: pg.Client;
let ada: Person;
let olga: Person;
let vera: Person;
beforeAll(async () => {
  stack = await startAdminStack({
    users: [{ id: 1002, first_name: "Grace" }, { id: 1003, first_name: "Edsger" }, { id: 7201, first_name: "Olga" }, {
      id: 7202,
      first_name: "Vera",
    }],
  });
  db = stack.client("postgres");
  await db.connect();
  [ada, olga, vera] = [stack.person(OWNER), stack.person(OPERATOR), stack.person(VIEWER)];
  await ada.say(`/admin add ${OPERATOR} operator`);
  await ada.say(`/admin add ${VIEWER} viewer`);
  await stack.ingest([trace]);
  await openAlert(stack, db, [...stack.admins, OPERATOR, VIEWER]);
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});
beforeEach(async () => {
  await db.query("update tracegram.alerts set acknowledged_at = null, acknowledged_by = null");
  await db.query("update tracegram.alert_rules set muted_until = null, muted_by = null");
  await db.query("delete from tracegram.admin_audit");
});

/** The alert's own message, which came once. */
const alertOf = (person: Person) => person.view().messages.find(({ text }) => /nearly full/.test(text ?? ""))!;

/** Presses a button of the alert's own message. */
const press = (person: Person, label: string) =>
  stack.accepted(() =>
    stack.telegram.client.press({ chat: person.chat, message_id: alertOf(person).message_id, label })
  );

const audit = async (): Promise<[number, string, boolean][]> =>
  (await db.query("select user_id::int, action, allowed from tracegram.admin_audit order by audit_id")).rows
    .map(({ user_id, action, allowed }) => [user_id, action, allowed]);

/** All that a role may be missing for. */
const state = async () =>
  (await db.query(
    `select a.acknowledged_at, r.muted_until, r.enabled, r.threshold::int, s.io_sample_percent, s.trace_days,
      (select count(*)::int from tracegram.admins) as admins
    from tracegram.alerts as a join tracegram.alert_rules as r using (rule), tracegram.settings as s`,
  )).rows;

describe("a viewer", () => {
  test("sees the alert, and presses its buttons in vain: it is told over the chat", async () => {
    const [before, whole] = [await state(), alertOf(vera)];
    const count = vera.view().messages.length;
    // Its button to acknowledge goes once somebody has.
    const labels = ["🔕 1 h", "🔕 24 h"];
    for (const label of labels) {
      await press(vera, label);
      expect(toastIn(stack)).toMatch(REFUSED);
    }
    expect(vera.view().messages).toHaveLength(count);
    expect([alertOf(vera), await state()]).toEqual([whole, before]);
    expect(await audit()).toEqual([
      [VIEWER, "alert_mute_1h", false],
      [VIEWER, "alert_mute_24h", false],
    ]);
  });

  test("looks at what the alert is about, and at the alerts", async () => {
    await press(vera, "📟 Alerts");
    expect(lastOf(vera.view()).text).toMatch(/^Alerts · 1 open\n/);
    await vera.press("1");
    expect(lastOf(vera.view()).text).toMatch(/nearly full/);
    await vera.press("✔️ Acknowledge");
    expect(toastIn(stack)).toMatch(REFUSED);
    expect(lastOf(vera.view()).text).toMatch(/nearly full/);
    expect(await audit()).toEqual([[VIEWER, "alert_acknowledge", false]]);
  });

  const forged: [string, Action, string][] = [
    ["a prompt", io, "read_io"],
    ["an act on an alert", { screen: "alert", alert_id: 1, act: "mute_24h" }, "alert_mute_24h"],
    ["a setting", { screen: "settings", set: { setting: 2, choice: 1 } }, "change_settings"],
    [
      "a setting, and sure of it",
      { screen: "settings", set: { setting: 0, choice: 0, sure: 4095 } },
      "change_settings",
    ],
    ["a rule", { screen: "rule", rule: "quota", enabled: false }, "change_rule"],
    ["a threshold", { screen: "rule", rule: "quota", threshold: 99 }, "change_rule"],
    ["the admins", { screen: "admins" }, "admins"],
    ["the audit", { screen: "audit" }, "audit"],
  ];
  test.each(forged)("who forges the button of %s is refused, and it is in the audit", async (_, action, name) => {
    const before = await state();
    const traces = saidIn(await vera.say("/admin traces"));
    expect(saidIn(await vera.forge(encodeAction(action)))).toBe(traces);
    expect(toastIn(stack)).toMatch(REFUSED);
    expect(await state()).toEqual(before);
    expect(await audit()).toEqual([[VIEWER, name, false]]);
  });

  test.each([`/admin add ${VIEWER} owner`, `/admin remove ${OPERATOR}`, "/admin alert quota off", "/admin audit"])(
    "is refused %s",
    async (words) => {
      const before = await state();
      expect(saidIn(await vera.say(words))).toMatch(REFUSED);
      expect(await state()).toEqual(before);
      expect((await audit()).map(([user, , allowed]) => [user, allowed])).toEqual([[VIEWER, false]]);
    },
  );

  test("sees the settings and a rule, without buttons that change them", async () => {
    for (const words of ["/admin settings", "/admin alert quota"]) {
      const before = await state();
      const buttons = lastOf(await vera.say(words)).reply_markup!.inline_keyboard.flat();
      for (const { callback_data } of buttons) await vera.forge(callback_data!);
      expect(await state()).toEqual(before);
    }
  });
});

describe("an operator", () => {
  test("acknowledges in one chat, and all chats show it", async () => {
    await press(olga, "✔️ Acknowledge");
    for (const person of [olga, ada, vera]) {
      await expect.poll(() => alertOf(person).text, POLL).toContain(`Acknowledged by ${OPERATOR}`);
    }
    expect(await audit()).toEqual([[OPERATOR, "alert_acknowledge", true]]);
  });

  test("reads a prompt, and may not change a setting, a rule or an admin", async () => {
    const before = await state();
    await olga.say("/admin traces");
    expect(saidIn(await olga.forge(encodeAction(io)))).toContain("a secret of Project X");
    for (
      const action of [
        { screen: "settings", set: { setting: 2, choice: 1 } },
        { screen: "rule", rule: "quota", enabled: false },
        { screen: "admins" },
        { screen: "audit" },
      ] as const
    ) {
      await olga.forge(encodeAction(action));
      expect(toastIn(stack)).toMatch(REFUSED);
    }
    expect(saidIn(await olga.say(`/admin add ${VIEWER} owner`))).toMatch(REFUSED);
    expect(await state()).toEqual(before);
    expect((await audit()).map(([, action, allowed]) => [action, allowed])).toEqual([
      ["read_io", true],
      ["change_settings", false],
      ["change_rule", false],
      ["admins", false],
      ["audit", false],
      ["set_admin", false],
    ]);
  });
});

test("an owner reads what was done and refused, page by page", async () => {
  await vera.say("/admin traces");
  for (let i = 0; i < 13; i++) await vera.forge(encodeAction(io));
  await olga.say("/admin traces");
  await olga.forge(encodeAction(io));
  const first = saidIn(await ada.say("/admin audit"));
  expect(first).toMatch(
    /^Audit, newest first\n\n.* · 7201 · operator\n +read a prompt\n +page 0, side request, step 1, trace_id /,
  );
  expect(first.match(/⛔️ was refused reading a prompt/g)).toHaveLength(11);
  const second = saidIn(await ada.press("Older ➡️"));
  expect(second.match(/7202 · viewer\n +⛔️ was refused reading a prompt/g)).toHaveLength(2);
  expect(saidIn(await ada.press("⬅️ Newest"))).toBe(first);
  expect(saidIn(await ada.press("Admins"))).toMatch(/^Admins\n/);
  expect(saidIn(await ada.press("📜 Audit"))).toBe(first);
  // To look is not noted.
  expect(await audit()).toHaveLength(14);
});

describe("a change whose answer Telegram does not take is made once:", () => {
  const say = (words: string) => () => ada.say(words);
  const forge = (action: Action) => ada.forge(encodeAction(action));
  test.each<[string, () => Promise<unknown>]>([
    ["add", say("/admin add 7203 viewer")],
    ["remove", say("/admin remove 7203")],
    ["rule", say("/admin alert p95 on")],
    ["rule again", say("/admin alert p95 off")],
    ["act", async () => {
      const alert_id = (await db.query("select alert_id::int from tracegram.alerts")).rows[0].alert_id;
      await forge({ screen: "alert", alert_id, act: "unmute" });
    }],
    // As it is, so that other tests find it so.
    ["setting", () => forge({ screen: "settings", set: { setting: 2, choice: 3 } })],
  ])("%s", async (_, act) => {
    await ada.say("/admin traces");
    const { client } = stack.telegram;
    const since = client.records.deliveries.length;
    for (const method of ["sendMessage", "editMessageText"]) {
      const body = { ok: false, error_code: 502, description: "Bad Gateway" };
      client.fault({ method, fault: { kind: "respond", status: 502, body } });
    }
    await act();
    client.clearFaults();
    expect((await audit()).map(([user, , allowed]) => [user, allowed])).toEqual([[OWNER, true]]);
    expect(client.records.deliveries.slice(since).every(({ attempt, status }) => attempt === 1 && status === 200)).toBe(
      true,
    );
  });
});

test("two chats at once: each has its own screen, and what one changes the other sees", async () => {
  await Promise.all([ada.say("/admin settings"), olga.say("/admin settings")]);
  const before = saidIn(olga.view());
  await Promise.all([ada.press("10 %"), olga.press("🔄 Refresh")]);
  expect(saidIn(ada.view())).toMatch(/have them 10 %/);
  expect(saidIn(await olga.press("🔄 Refresh"))).not.toBe(before);
  await ada.press("100 %");
});
