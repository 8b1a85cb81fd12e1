// Over 300 lines, because it is one way: every test sends events through one stack, and starting one takes longest.
//
// An alert on its way to admins: evaluated in Postgres, posted by pg_net's stand-in, told by the function in a Telegram that
// has bad days. Deliveries are told the time; they come when a test says so.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDb } from "../../../functions/_shared/db.ts";
import { alertSecret } from "../../../functions/_shared/secret.ts";
import type { FaultOrder } from "../../../functions/synthetic/telegram/faults.ts";
import { encodeAction } from "../../../functions/telegram/callback.ts";
import { openScreen } from "../../../functions/telegram/screens/open.ts";
import { type AdminStack, buttonsOf, lastOf, type Person, startAdminStack } from "../../_support/admin.ts";
import { fillQuota, MINUTE } from "../../_support/alerts.ts";
import { makeTrace } from "../../_support/traces.ts";
import { noRuns } from "./runs_fixture.ts";

const POLL = { timeout: 15_000, interval: 50 };

let stack: AdminStack;
let db: pg.Client;
let ada: Person;
let grace: Person;
let edsger: Person;
let secret: string;
beforeAll(async () => {
  stack = await startAdminStack();
  db = stack.client("postgres");
  await db.connect();
  secret = await alertSecret(stack.info.webhook_secret);
  await db.query("select cron.unschedule(jobid) from cron.job where jobname = 'tracegram-alerts'");
  await db.query("begin; select pg_advisory_xact_lock(hashtext('tracegram.alerts')); commit");
  await db.query("insert into tracegram.admins (user_id, role) values (1001, 'owner'), (1002, 'operator')");
  [ada, grace, edsger] = [stack.person(1001), stack.person(1002), stack.person(1003)];
  for (const person of [ada, grace, edsger]) await person.say("/start");
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});

const everybody = () => [ada, grace, edsger];

let start: number;
let seen: Map<string, number>;
beforeEach(async () => {
  stack.telegram.client.clearFaults();
  for (const { chat } of everybody()) stack.telegram.client.block(chat, false);
  await db.query(
    "delete from tracegram.alerts; delete from tracegram.alert_state; delete from tracegram.admin_responses",
  );
  await db.query("update tracegram.alert_rules set enabled = rule = 'quota', muted_until = null");
  await db.query(
    "update tracegram.alert_rules set opens_after = 1, resolves_after = 1, threshold = 80 where rule = 'quota'",
  );
  await db.query("select public.change_settings($1)", [
    JSON.stringify({ alert_url: stack.info.functions["telegram"], alert_secret: secret }),
  ]);
  await fillQuota(db, 50);
  start = Date.now();
  seen = new Map(everybody().map(({ chat, view }) => [chat, view().messages.at(-1)?.message_id ?? 0]));
});

/** What has come to a person in this test. */
const inbox = ({ chat, view }: Person) => view().messages.filter(({ message_id }) => message_id > seen.get(chat)!);
const texts = (person: Person): string[] => inbox(person).map(({ text }) => text!.split("\n")[0]!);
const allTexts = (): string[] => everybody().flatMap(texts);
const NEARLY_FULL = ["🔴", "🔴", "🔴"].map((icon) => `${icon} The database is nearly full`);
const RESOLVED = NEARLY_FULL.map((text) => text.replace("🔴", "✅"));
const labels = (person: Person, i = 0): string[] =>
  inbox(person)[i]!.reply_markup!.inline_keyboard.flat().map(({ text }) => text);

const watch = (minutes: number) => db.query("select tracegram.watch($1)", [new Date(start + minutes * MINUTE)]);

/** Watches, and waits until each request that is under way has its answer. */
async function watchAndHear(minutes: number): Promise<void> {
  await watch(minutes);
  await heard();
}

async function heard(): Promise<void> {
  const open = `select from tracegram.alert_events as e where e.request_id is not null and e.delivered_at is null
    and not exists (select from net._http_response as r where r.id = e.request_id)`;
  await expect.poll(async () => (await db.query(open)).rowCount, POLL).toBe(0);
}

async function breach(minutes: number): Promise<void> {
  await fillQuota(db, 90);
  await watchAndHear(minutes);
}

async function recover(minutes: number): Promise<void> {
  await fillQuota(db, 50);
  await watchAndHear(minutes);
}

/** Presses a button of what has come, and waits until the function has handled it. */
const press = (person: Person, i: number, label: string) =>
  stack.accepted(() =>
    stack.telegram.client.press({ chat: person.chat, message_id: inbox(person)[i]!.message_id, label })
  );

const fault = (order: FaultOrder) => stack.telegram.client.fault(order);
const refusal = (status: number, description: string, retry_after?: number): FaultOrder["fault"] => ({
  kind: "respond",
  status,
  body: {
    ok: false,
    error_code: status,
    description,
    ...(retry_after !== undefined && { parameters: { retry_after } }),
  },
});

const eventIds = async (): Promise<number[]> =>
  (await db.query("select event_id::int as id from tracegram.alert_events order by event_id")).rows.map(({ id }) => id);
const lastErrors = async (): Promise<(string | null)[]> =>
  (await db.query("select last_error from tracegram.alert_events order by event_id")).rows.map((row) => row.last_error);

const post = (body: unknown, header: string) =>
  fetch(stack.info.functions["telegram"]!, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tracegram-secret": header },
    body: JSON.stringify(body),
  });

test("runs that fail are told to each admin once, acknowledged for all, and resolved in the same message", async () => {
  await db.query(
    "update tracegram.alert_rules set enabled = true, opens_after = 1, resolves_after = 1 where rule = 'error_rate'",
  );
  const failed = (i: number) =>
    makeTrace({ started_at: Date.now() - 5000 - i, status: "error", error: "boom", steps: [] });
  await stack.ingest([
    ...Array.from({ length: 8 }, (_, i) => failed(i)),
    ...Array.from({ length: 24 }, (_, i) => makeTrace({ started_at: Date.now() - 5000 - i, steps: [] })),
  ]);
  await watchAndHear(0);
  await expect.poll(() => [texts(ada), texts(grace)], POLL).toEqual([["🔴 Many runs fail"], ["🔴 Many runs fail"]]);
  expect(inbox(ada)[0]!.text).toContain("now 25 % · worst 25 % · limit 10 %");
  expect(inbox(ada)[0]!.text).toContain("8 of 32 runs failed in 15 minutes");
  expect(labels(grace)).toEqual(["👀 Look", "✔️ Acknowledge", "🔕 1 h", "🔕 24 h", "📟 Alerts"]);

  await press(ada, 0, "✔️ Acknowledge");
  for (const person of [ada, grace]) {
    await expect.poll(() => inbox(person)[0]!.text, POLL).toContain("✔️ Acknowledged by 1001 at ");
    await expect.poll(() => labels(person), POLL).toEqual(["👀 Look", "🔕 1 h", "🔕 24 h", "📟 Alerts"]);
  }
  await heard();

  await db.query("update tracegram.alert_rules set threshold = 90 where rule = 'error_rate'");
  await watchAndHear(1);
  for (const person of [ada, grace]) {
    await expect.poll(() => texts(person), POLL).toEqual(["✅ Many runs fail"]);
    expect(inbox(person)[0]!.text).toContain("resolved after 1 m 00 s\nworst 25 % · limit 10 %");
  }
  await watch(2);
  expect(await lastErrors()).toEqual([null, null, null]);
  // What Telegram was told is remembered as any response.
  const { rows } = await db.query(
    "select distinct screen, characters > 50 as long from tracegram.admin_responses where screen like 'alert%'",
  );
  expect(rows).toEqual([{ screen: "alert_message", long: true }]);
});

test.for(["muted", "resolved", "back again"])(
  "a press whose edit Telegram holds up does not undo what was told meanwhile: %s",
  async (meanwhile) => {
    await breach(0);
    const { telegram: { client } } = stack;
    const since = client.records.calls.length;
    // No delivery may take the wait in the press's place.
    await db.query(`select public.change_settings('{"alert_url": null}')`);
    fault({ method: "editMessageText", fault: refusal(429, "Too Many Requests: retry after 2", 2) });
    const pressed = press(ada, 0, "✔️ Acknowledge");
    await expect.poll(() => client.records.calls.slice(since).some(({ status }) => status === 429), POLL).toBe(true);
    await db.query("select public.change_settings($1)", [
      JSON.stringify({ alert_url: stack.info.functions["telegram"] }),
    ]);
    if (meanwhile === "muted") {
      await db.query("select public.alert_act(1002, max(alert_id), 'mute_1h') from tracegram.alerts");
    } else await recover(5);
    if (meanwhile === "back again") await breach(10);
    await heard();
    const told = inbox(grace)[0]!;
    expect(inbox(ada)[0]!.text).toBe(told.text);
    await pressed;
    expect(inbox(ada)[0]!.text).toBe(told.text);
    expect(labels(ada)).toEqual(labels(grace));
    // The press's own edit did come after it.
    const edits = client.records.calls.slice(since).filter(({ method, status, params }) =>
      method === "editMessageText" && status === 200 && String(params["chat_id"]) === "1001"
    );
    expect(edits.length).toBe(meanwhile === "back again" ? 4 : 3);
    expect(inbox(ada)).toHaveLength(1);
  },
);

test("where events are posted to nobody, a press shows what it did", async () => {
  await breach(0);
  await db.query(`select public.change_settings('{"alert_url": null}')`);
  await press(ada, 0, "🔕 1 h");
  expect(inbox(ada)[0]!.text).toContain("🔕 Muted by 1001 until ");
  expect(inbox(grace)[0]!.text).not.toContain("Muted");
});

test("Look opens the reason as a new message; the alert stays", async () => {
  await breach(0);
  const before = inbox(ada)[0];
  await press(ada, 0, "📟 Alerts");
  expect(texts(ada)).toEqual(["🔴 The database is nearly full", "Alerts · 1 open"]);
  expect(inbox(ada)[0]).toEqual(before);
  await press(ada, 0, "👀 Look");
  expect(inbox(ada)).toHaveLength(3);
  expect(inbox(ada)[0]).toEqual(before);
});

test("Telegram's rate limit: whoever was told is not told again, the other is when Telegram allows it", async () => {
  fault({ method: "sendMessage", fault: refusal(429, "Too Many Requests: retry after 90", 90) });
  await breach(0);
  expect(allTexts()).toHaveLength(2);
  await watchAndHear(1);
  expect(await lastErrors()).toEqual(['HTTP 429: {"code":"telegram_429"}']);
  expect(allTexts()).toHaveLength(2);
  await watchAndHear(3);
  expect(everybody().map((person) => texts(person).length)).toEqual([1, 1, 1]);
  await watch(4);
  expect(await lastErrors()).toEqual([null]);
  // Other tests may have pressed too fast, which the stand-in answers with a second.
  expect((await db.query("select retry_after from tracegram.admin_responses where retry_after > 1")).rows)
    .toEqual([{ retry_after: 90 }]);
});

test("a short wait of the rate limit is waited for at once", async () => {
  fault({ method: "sendMessage", fault: refusal(429, "Too Many Requests: retry after 1", 1), times: 3 });
  await breach(0);
  expect(allTexts()).toEqual(NEARLY_FULL);
});

test("an outage of Telegram delays what there is to tell, and loses nothing", async () => {
  fault({ fault: refusal(502, "Bad Gateway"), times: 3 });
  await breach(0);
  // Its failure is seen after a minute, and a minute later it is due again.
  await watchAndHear(1);
  fault({ fault: { kind: "drop", applied: false }, times: 1000 });
  await watchAndHear(2);
  expect(allTexts()).toEqual([]);
  await recover(3);
  stack.telegram.client.clearFaults();
  expect(await lastErrors()).toEqual(['HTTP 503: {"code":"telegram_away"}', null]);
  // What opened is told as it is by now, and that it resolved is nothing new then.
  await watchAndHear(10);
  expect(allTexts()).toEqual(RESOLVED);
  await watchAndHear(11);
  await watchAndHear(12);
  expect(allTexts()).toEqual(RESOLVED);
  expect(await lastErrors()).toEqual([null, null]);
});

test("an admin who blocked the bot, and one who never opened it, hold up nobody", async () => {
  await db.query("insert into tracegram.admins (user_id, role) values (6666, 'viewer')");
  stack.person(6666);
  stack.telegram.client.block(grace.chat, true);
  try {
    await breach(0);
  } finally {
    await db.query("delete from tracegram.admins where user_id = 6666");
  }
  expect([ada, edsger].flatMap(texts)).toEqual(NEARLY_FULL.slice(1));
  await watch(1);
  expect(await lastErrors()).toEqual([null]);
  const { rows } = await db.query(
    "select chat_id::int, error from tracegram.alert_messages where ended_at is not null order by 1",
  );
  expect(rows).toEqual([
    { chat_id: 1002, error: expect.stringContaining("blocked") },
    { chat_id: 6666, error: expect.stringMatching(/initiate|not found/) },
  ]);
});

test("an event that comes again, also at once, tells nothing again", async () => {
  await breach(0);
  const [event_id] = await eventIds();
  const before = everybody().map(inbox);
  const answers = await Promise.all(Array.from({ length: 5 }, () => post({ event_id }, secret)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(everybody().map(inbox)).toEqual(before);
});

test("two deliveries of a new event at the same moment send each admin one message", async () => {
  await db.query(`select public.change_settings('{"alert_url": null}')`);
  await breach(0);
  const [event_id] = await eventIds();
  const answers = await Promise.all(Array.from({ length: 5 }, () => post({ event_id }, secret)));
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(1);
  expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true);
  expect(allTexts()).toEqual(NEARLY_FULL);
});

test("without the secret, nothing is told", async () => {
  await db.query(`select public.change_settings('{"alert_url": null}')`);
  await breach(0);
  const [event_id] = await eventIds();
  for (const wrong of ["", "x", stack.info.webhook_secret, secret.slice(1)]) {
    expect((await post({ event_id }, wrong)).status).toBe(401);
  }
  expect((await post({ event_id: "1" }, secret)).status).toBe(400);
  expect((await post(null, secret)).status).toBe(400);
  expect((await post({ event_id: 999_999 }, secret)).status).toBe(200);
  expect(allTexts()).toEqual([]);
});

test("a muted rule sends no new message until it is unmuted", async () => {
  await breach(0);
  await press(ada, 0, "🔕 24 h");
  for (const person of [ada, grace]) {
    await expect.poll(() => inbox(person)[0]!.text, POLL).toContain("🔕 Muted by 1001 until ");
  }
  await heard();
  await recover(5);
  await breach(100);
  expect(allTexts()).toEqual(RESOLVED);

  await press(ada, 0, "🔔 Unmute");
  await watchAndHear(101);
  expect(texts(grace)).toEqual(["✅ The database is nearly full", "🔴 The database is nearly full"]);
});

test("a rule that flaps keeps its message", async () => {
  await breach(0);
  await recover(5);
  await breach(20);
  for (const person of [ada, grace]) {
    expect(texts(person)).toEqual(["🔴 The database is nearly full"]);
    expect(inbox(person)[0]!.text).toContain("Back again: it had resolved at ");
  }
});

test("a message that was deleted is replaced when there is something new", async () => {
  await breach(0);
  const { telegram_api_root, telegram_bot_token } = stack.info;
  const { message_id } = inbox(ada)[0]!;
  await fetch(`${telegram_api_root}/bot${telegram_bot_token}/deleteMessage?chat_id=1001&message_id=${message_id}`);
  expect(inbox(ada)).toEqual([]);
  await recover(5);
  expect(allTexts()).toEqual(RESOLVED);
});

test("who may not do it is told beside the alert, which stays as it is", async () => {
  await breach(0);
  const before = inbox(ada);
  const { rows: [{ alert_id }] } = await db.query("select alert_id::int from tracegram.alerts");
  const deps = {
    db: createDb(stack.info.api_url, stack.info.service_role_key),
    now: () => new Date(),
    actor: { user_id: 7777, chat_id: 7777, role: "viewer" } as const,
    ...noRuns,
  };
  for (const press of ["acknowledge", "mute_24h", "unmute"] as const) {
    const reply = await openScreen(deps, { screen: "look", alert_id, press });
    expect(reply).toMatchObject({ name: "refusal", fresh: true });
  }
  expect(await openScreen(deps, { screen: "look", alert_id: 999_999, press: "unmute" }))
    .toMatchObject({ name: "alert", fresh: true });
  expect(await openScreen(deps, { screen: "alert", alert_id, act: "acknowledge" })).toMatchObject({ name: "refusal" });
  expect(await openScreen(deps, { screen: "settings", set: { setting: 2, choice: 1 } }))
    .toMatchObject({ name: "refusal" });
  expect(await openScreen(deps, { screen: "rule", rule: "quota", enabled: false })).toMatchObject({ name: "refusal" });
  expect(inbox(ada)).toEqual(before);
  const unchanged = "select acknowledged_at, r.muted_until, enabled, io_sample_percent from tracegram.alerts " +
    "join tracegram.alert_rules as r using (rule), tracegram.settings";
  expect((await db.query(unchanged)).rows)
    .toEqual([{ acknowledged_at: null, muted_until: null, enabled: true, io_sample_percent: 100 }]);
});

test("a look that fails, as when the database is away, leaves the alert alone", async () => {
  await breach(0);
  const deps = {
    db: createDb("http://127.0.0.1:9", "nobody"),
    now: () => new Date(),
    actor: { user_id: 1001, chat_id: 1001, role: "owner" } as const,
    ...noRuns,
  };
  for (const press of ["reason", "alerts", "acknowledge"] as const) {
    expect(await openScreen(deps, { screen: "look", alert_id: 1, press })).toMatchObject({
      name: "failure",
      fresh: true,
    });
  }
});

test("settings: a harmless change is made, one that deletes is asked about", async () => {
  await ada.say("/admin");
  const open = (action: Parameters<typeof encodeAction>[0]) => ada.forge(encodeAction(action));
  expect(lastOf(await open({ screen: "settings" })).text).toMatch(/^Settings\n\n📈 Traces kept 30 d\n/);
  expect(lastOf(await ada.press("10 %")).text).toMatch(/^✅ Settings, changed\n[^]*have them 10 %/);
  expect(lastOf(await ada.press("90 d")).text).toMatch(/^✅ Settings, changed\n\n📈 Traces kept 90 d\n/);
  await ada.press("30 d");
  const asked = lastOf(await ada.press("📈 7 d"));
  expect(asked.text).toMatch(/^That deletes data\. Sure\?\n\nTraces kept 7 d\n\nIt drops \d+ days? of traces/);
  expect(lastOf(await ada.press("No")).text).toContain("Traces kept 30 d");
  await ada.press("📈 7 d");
  // A button that says of no day, or of fewer, asks again.
  for (const sure of [0, 1]) {
    const again = await ada.forge(encodeAction({ screen: "settings", set: { setting: 0, choice: 0, sure } }));
    expect(lastOf(again).text).toBe(asked.text);
  }
  expect(lastOf(await ada.press("🗑 Yes, drop them")).text).toContain("Traces kept 7 d");
  await db.query(`select public.change_settings('{"trace_days": 30, "io_sample_percent": 100}')`);
});

test("screens: the alerts, one of them, and back", async () => {
  await breach(0);
  await ada.say("/admin");
  await ada.forge(encodeAction({ screen: "alerts", all: false }));
  const view = await ada.press("1");
  expect(lastOf(view).text).toMatch(/^🔴 The database is nearly full\n/);
  expect(buttonsOf(view)).toEqual([["👀 Look", "✔️ Acknowledge"], ["🔕 1 h", "🔕 24 h"], [
    "⚙️ Rule",
    "⬅️ Alerts",
    "🏠",
  ]]);
  expect(lastOf(await ada.press("✔️ Acknowledge")).text).toContain("✔️ Acknowledged by 1001");
  expect(lastOf(await ada.press("🔕 1 h")).text).toContain("🔕 Muted by 1001 until");
  expect(lastOf(await ada.press("🔔 Unmute")).text).not.toContain("🔕");
  await heard();
  // Its own message, above, has followed.
  await expect.poll(() => inbox(ada)[0]!.text, POLL).toContain("✔️ Acknowledged by 1001");
  expect(lastOf(await ada.press("⬅️ Alerts")).text).toMatch(/^Alerts · 1 open\n/);
  await ada.press("1");
  expect(lastOf(await ada.press("⚙️ Rule")).text).toMatch(/^The database is nearly full\nquota · opens above 80 %\n/);
  expect(lastOf(await ada.press("⚪️ Switch off")).text).toContain("quota · switched off");
  expect(lastOf(await ada.press("🟢 Switch on")).text).toContain("quota · opens above 80 %");
  await ada.press("⬅️ Alerts");
  expect(lastOf(await ada.press("🕘 History")).text).toMatch(/^All alerts, newest first\n\n1 ✅/);
  await ada.forge(encodeAction({ screen: "rule", rule: "quota", threshold: 95 }));
  expect(lastOf(ada.view()).text).toContain("✅ Changed: The database is nearly full");
  expect((await db.query("select threshold::int from tracegram.alert_rules where rule = 'quota'")).rows)
    .toEqual([{ threshold: 95 }]);
  expect(lastOf(await ada.say("/admin alert quota 150%")).text)
    .toMatch(
      /^Not changed: a limit here is from 0 % to 100 %\.\n\nThe database is nearly full\nquota · opens above 95 %/,
    );
  expect(lastOf(await ada.say("/admin alert p95 0s")).text).toMatch(/^Not changed: a limit here is more than 0 s\.\n/);
  expect(lastOf(await ada.forge(encodeAction({ screen: "rule", rule: "nonsense", enabled: true }))).text)
    .toContain("There is no alert rule nonsense.");
  expect(lastOf(await ada.forge(encodeAction({ screen: "tests" }))).text).toContain("Synthetic tests");
});

test("Telegram that does not answer is not waited for; a message that it takes late comes twice, and no oftener", async () => {
  fault({ method: "sendMessage", fault: { kind: "delay", ms: 10_000 }, times: 3 });
  await breach(0);
  expect((await post({ event_id: (await eventIds())[0]! }, secret)).status).toBe(200);
  await watchAndHear(1);
  expect(allTexts()).toHaveLength(3);
  // The function gave up after 8 s, before the 25 s that the database waits.
  expect(await lastErrors()).toEqual(['HTTP 503: {"code":"telegram_away"}']);
  await expect.poll(allTexts, POLL).toEqual([...NEARLY_FULL, ...NEARLY_FULL]);
  await watchAndHear(2);
  await recover(3);
  // Of the late ones nobody knows that they are there.
  expect(everybody().map((person) => texts(person).sort())).toEqual(
    Array(3).fill([RESOLVED[0], NEARLY_FULL[0]].sort()),
  );
});
