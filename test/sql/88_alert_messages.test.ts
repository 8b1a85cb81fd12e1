import type pg from "pg";
import { expect } from "vitest";
import { alertsOf, evaluate, fillQuota, MINUTE, NOON, test as base } from "../_support/alerts.ts";
import { call } from "../_support/rpc.ts";

interface Claim {
  alert: { alert_id: number; rule: string; resolved_at: string | null; resolved_before_at: string | null };
  revision: number;
  claims: { chat_id: number; message_id: number | null }[];
  held: number;
}

/** Two admins, and a quota rule whose alerts open and resolve at once. */
const test = base.extend("admins", async ({ db }) => {
  await db.query("update tracegram.alert_rules set opens_after = 1, resolves_after = 1 where rule = 'quota'");
  await db.query("update tracegram.alert_rules set enabled = false where rule <> 'quota'");
  await db.query("insert into tracegram.admins (user_id, role) values (1, 'owner'), (2, 'viewer')");
  return [1, 2];
});

const at = (minute: number) => new Date(NOON + minute * MINUTE);

/** The quota rule is in breach at that minute, or is not; comes back with the newest event. */
async function breach(db: pg.Client, minute: number, bad: boolean): Promise<number> {
  await fillQuota(db, bad ? 90 : 70);
  await evaluate(db, NOON + minute * MINUTE);
  return newestEvent(db);
}

const newestEvent = async (db: pg.Client): Promise<number> =>
  Number((await db.query("select max(event_id) as id from tracegram.alert_events")).rows[0].id);

const claim = async (db: pg.Client, event: number, minute: number, owners: number[] = []): Promise<Claim> =>
  (await db.query("select tracegram.claim_alert_messages($1, $2, $3) as c", [event, owners, at(minute)])).rows[0].c;

/** Ends each claim as if its message was shown; new messages get the ids from `first` on. */
async function show(db: pg.Client, { alert, revision, claims }: Claim, first = 100): Promise<void> {
  for (const [i, { chat_id, message_id }] of claims.entries()) {
    await call(db, "service_role", "finish_alert_message", {
      p_alert_id: alert.alert_id,
      p_chat_id: chat_id,
      p_outcome: "shown",
      p_revision: revision,
      p_message_id: message_id ?? first + i,
      p_characters: 40,
    });
  }
}

const act = (db: pg.Client, actor: number, alert_id: number, what: string) =>
  call<Record<string, unknown> | null>(db, "service_role", "alert_act", {
    p_actor: actor,
    p_alert_id: alert_id,
    p_act: what,
  });

test("each admin's chat, each allowed group and each other owner has one message, once", async ({ db, admins: _ }) => {
  await db.query("insert into tracegram.admin_chats (chat_id, added_by) values (-100, 1)");
  const event = await breach(db, 0, true);
  const first = await claim(db, event, 0, [1, 7]);
  expect(first).toMatchObject({ revision: 1, held: 0, alert: { rule: "quota", resolved_at: null } });
  expect(first.claims).toEqual([-100, 1, 2, 7].map((chat_id) => ({ chat_id, message_id: null })));
  expect(await claim(db, event, 0, [1, 7])).toMatchObject({ claims: [], held: 4 });
  await show(db, first);
  expect(await claim(db, event, 0, [1, 7])).toMatchObject({ claims: [], held: 0 });
  expect((await db.query("select screen, characters from tracegram.admin_responses")).rows)
    .toEqual(Array(4).fill({ screen: "alert_message", characters: 40 }));
});

test("that it resolved edits the messages of those who have one, and is told to whom was not reached", async ({ db, admins: _ }) => {
  const opened = await breach(db, 0, true);
  const { claims: [one], ...rest } = await claim(db, opened, 0);
  await show(db, { ...rest, claims: [one!] });
  const resolved = await breach(db, 12, false);
  expect(resolved).toBeGreaterThan(opened);
  // The other claim is held until its minute is over.
  expect(await claim(db, resolved, 0.5)).toMatchObject({
    revision: 2,
    claims: [{ chat_id: 1, message_id: 100 }],
    held: 1,
  });
  expect((await claim(db, resolved, 2)).claims).toEqual([
    { chat_id: 1, message_id: 100 },
    { chat_id: 2, message_id: null },
  ]);
});

test("whoever blocked the bot is left alone, with the reason", async ({ db, admins: _ }) => {
  const event = await breach(db, 0, true);
  const { alert, claims } = await claim(db, event, 0);
  for (const [i, p_outcome] of ["unreachable", "later"].entries()) {
    await call(db, "service_role", "finish_alert_message", {
      p_alert_id: alert.alert_id,
      p_chat_id: claims[i]!.chat_id,
      p_outcome,
      p_error: "why",
      p_retry_after: i === 1 ? 30 : null,
    });
  }
  expect((await claim(db, event, 0)).claims).toEqual([{ chat_id: 2, message_id: null }]);
  expect((await db.query("select error from tracegram.alert_messages where ended_at is not null")).rows)
    .toEqual([{ error: "why" }]);
  expect((await db.query("select retry_after from tracegram.admin_responses order by response_id")).rows)
    .toEqual([{ retry_after: null }, { retry_after: 30 }]);
});

test("an alert that comes back within an hour gets the message of the one before", async ({ db, admins: _ }) => {
  await show(db, await claim(db, await breach(db, 0, true), 0));
  const resolved = await breach(db, 10, false);
  const again = await breach(db, 60, true);
  const back = await claim(db, again, 60);
  expect(back.alert.resolved_before_at).toBe(at(10).toISOString());
  expect(back.claims).toEqual([{ chat_id: 1, message_id: 100 }, { chat_id: 2, message_id: 101 }]);
  const old = (await alertsOf(db, "quota"))[0]!;
  const told = (alert: unknown, chat: number) =>
    call(db, "service_role", "alert_of_message", { p_alert_id: alert, p_chat_id: chat });
  expect(await told(old.alert_id, 1)).toMatchObject({ alert_id: back.alert.alert_id, resolved_at: null });
  expect(await told(old.alert_id, 77)).toMatchObject({ alert_id: Number(old.alert_id) });
  expect(await told(999_999, 1)).toBeNull();
  await show(db, back);
  // Late, it finds nothing to do.
  expect((await claim(db, resolved, 61)).claims).toEqual([]);
  // And after an hour, there is a new message.
  await show(db, await claim(db, await breach(db, 70, false), 70));
  const new_ = await claim(db, await breach(db, 131, true), 131);
  expect(new_.alert.resolved_before_at).toBeNull();
  expect(new_.claims).toEqual([{ chat_id: 1, message_id: null }, { chat_id: 2, message_id: null }]);
});

test("an alert of which nobody could be told is told as the rule's next, when that has come", async ({ db, admins: _ }) => {
  const first = await breach(db, 0, true);
  await breach(db, 10, false);
  const second = await breach(db, 20, true);
  expect((await claim(db, first, 21)).claims).toEqual([]);
  expect((await claim(db, second, 21)).claims).toHaveLength(2);
});

test("acknowledged, by whom and when: the first counts", async ({ db, admins: _ }) => {
  await show(db, await claim(db, await breach(db, 0, true), 0));
  const { alert_id } = (await alertsOf(db, "quota"))[0]!;
  await db.query("insert into tracegram.admins (user_id, role) values (8, 'operator')");
  expect(await act(db, 8, Number(alert_id), "acknowledge")).toMatchObject({
    acknowledged_by: 8,
    acknowledged_at: expect.any(String),
  });
  const event = await newestEvent(db);
  expect(await claim(db, event, 1)).toMatchObject({
    revision: 2,
    claims: [{ chat_id: 1, message_id: 100 }, { chat_id: 2, message_id: 101 }, { chat_id: 8, message_id: null }],
  });
  expect(await act(db, 1, Number(alert_id), "acknowledge")).toMatchObject({ acknowledged_by: 8 });
  expect(await newestEvent(db)).toBe(event);
  expect((await db.query("select user_id, action, detail, allowed from tracegram.admin_audit")).rows[0])
    .toEqual({
      user_id: "8",
      action: "alert_acknowledge",
      detail: { alert_id: Number(alert_id), rule: "quota" },
      allowed: true,
    });
});

test("a viewer, and a stranger, change nothing, and that they tried is known", async ({ db, admins: _ }) => {
  await breach(db, 0, true);
  const { alert_id } = (await alertsOf(db, "quota"))[0]!;
  for (const actor of [2, 99]) {
    expect(await act(db, actor, Number(alert_id), "mute_1h")).toEqual({ refused: "operator" });
  }
  expect((await db.query("select muted_until from tracegram.alert_rules where muted_until is not null")).rows).toEqual(
    [],
  );
  expect((await db.query("select allowed from tracegram.admin_audit")).rows)
    .toEqual([{ allowed: false }, { allowed: false }]);
  expect(await act(db, 1, 999_999, "mute_1h")).toBeNull();
  await expect(act(db, 1, Number(alert_id), "shout")).rejects.toMatchObject({ code: "TG041" });
});

test("while a rule is muted its alerts get no new message; who has one sees it resolve", async ({ db, admins: _ }) => {
  await show(db, await claim(db, await breach(db, 0, true), 0));
  const { alert_id } = (await alertsOf(db, "quota"))[0]!;
  const muted = async (until: Date | null) =>
    await db.query("update tracegram.alert_rules set muted_until = $1 where rule = 'quota'", [until]);
  expect(await act(db, 1, Number(alert_id), "mute_24h")).toMatchObject({
    muted_by: 1,
    muted_until: expect.any(String),
  });
  await muted(at(300));
  expect((await claim(db, await breach(db, 5, false), 5)).claims).toMatchObject([{ message_id: 100 }, {
    message_id: 101,
  }]);

  // Two hours later one opens, and resolves before the mute is over.
  const hidden = await breach(db, 125, true);
  expect((await claim(db, hidden, 125)).claims).toEqual([]);
  await breach(db, 130, false);
  expect((await claim(db, hidden, 301)).claims).toEqual([]);

  // Another is still open then.
  const open = await breach(db, 250, true);
  expect((await claim(db, open, 299)).claims).toEqual([]);
  expect((await claim(db, open, 300)).claims).toHaveLength(2);
});

test("what opens while its rule is muted is posted when it no longer is; unmuting ends it", async ({ db, admins: _ }) => {
  await db.query(`select public.change_settings('{"alert_url": "http://127.0.0.1:9/"}')`);
  await db.query("update tracegram.alert_rules set muted_until = $1 where rule = 'quota'", [at(60)]);
  await breach(db, 0, true);
  const deliver = async (minute: number) =>
    (await db.query("select tracegram.deliver_alerts($1) as n", [at(minute)])).rows[0].n;
  expect([await deliver(1), await deliver(59), await deliver(60)]).toEqual([0, 0, 1]);
  const { alert_id } = (await alertsOf(db, "quota"))[0]!;
  expect(await act(db, 1, Number(alert_id), "unmute")).toMatchObject({ muted_until: null, muted_by: null });
});

test("what opens while its rule is muted is told after days of mute, also that it resolved after that", async ({ db, admins: _ }) => {
  await db.query(`select public.change_settings('{"alert_url": "http://127.0.0.1:9/"}')`);
  const muteUntil = (minute: number) =>
    db.query("update tracegram.alert_rules set muted_until = $1 where rule = 'quota'", [at(minute)]);
  const deliver = async (minute: number) =>
    (await db.query("select tracegram.deliver_alerts($1) as n", [at(minute)])).rows[0].n;
  const HOURS = 60;
  await muteUntil(24 * HOURS);
  await breach(db, 1, true);
  expect(await deliver(23 * HOURS)).toBe(0);
  await muteUntil(47 * HOURS);
  expect([await deliver(30 * HOURS), await deliver(47 * HOURS - 1)]).toEqual([0, 0]);
  await db.query("savepoint muted");
  expect(await deliver(47 * HOURS)).toBe(1);
  await db.query("rollback to muted");
  // A day after the mute, too, it is given up.
  expect(await deliver(71 * HOURS)).toBe(0);
  // What resolved meanwhile is a day old by its own time.
  await breach(db, 46 * HOURS, false);
  expect((await db.query("select kind from tracegram.alert_events order by event_id")).rows)
    .toEqual([{ kind: "opened" }, { kind: "resolved" }]);
  await deliver(47 * HOURS);
  const sent = "select kind from tracegram.alert_events where request_id is not null";
  expect((await db.query(sent)).rows).toEqual([{ kind: "resolved" }]);
});

test("unmuted after two days of mute, an open alert is told", async ({ db, admins: _ }) => {
  await db.query(`select public.change_settings('{"alert_url": "http://127.0.0.1:9/"}')`);
  await breach(db, 0, true);
  const { alert_id } = (await alertsOf(db, "quota"))[0]!;
  await db.query("update tracegram.alert_events set created_at = created_at - interval '2 days'");
  await db.query("update tracegram.alert_rules set muted_until = now() + interval '1 hour' where rule = 'quota'");
  const deliver = async () =>
    (await db.query("select tracegram.deliver_alerts(now() + interval '1 s') as n")).rows[0].n;
  expect(await deliver()).toBe(0);
  expect(await act(db, 1, Number(alert_id), "unmute")).toMatchObject({ muted_until: null, muted_by: null });
  expect(await deliver()).toBe(1);
  // Who unmutes what is not muted changes nothing.
  const event = await newestEvent(db);
  await act(db, 1, Number(alert_id), "unmute");
  expect(await newestEvent(db)).toBe(event);
});

test("a change is posted at once", async ({ db, admins: _ }) => {
  await db.query(`select public.change_settings('{"alert_url": "http://127.0.0.1:9/"}')`);
  await breach(db, 0, true);
  const { alert_id } = (await alertsOf(db, "quota"))[0]!;
  await act(db, 1, Number(alert_id), "acknowledge");
  const sent = "select kind, request_id is not null as sent from tracegram.alert_events order by event_id";
  expect((await db.query(sent)).rows).toEqual([{ kind: "opened", sent: false }, { kind: "changed", sent: true }]);
  await act(db, 1, Number(alert_id), "mute_1h");
  expect((await db.query(sent)).rows).toHaveLength(2);
});

test("an event that is gone is nothing to tell", async ({ db }) => {
  expect(await call(db, "service_role", "claim_alert_messages", { p_event_id: 999_999 })).toBeNull();
});
