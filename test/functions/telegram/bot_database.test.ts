// What the bot asks of the database, and what it makes of the answers: roles, claims and lanes are rows of the real one.
import type { Update } from "telegraf/types";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDb, type Db } from "../../../functions/_shared/db.ts";
import { RpcError } from "../../../functions/_shared/errors.ts";
import type { Admission } from "../../../functions/telegram/bot.ts";
import { type Action, encodeAction } from "../../../functions/telegram/callback.ts";
import { headOf } from "../../../functions/telegram/head.ts";
import { renderNoOrigin } from "../../../functions/telegram/render/find.ts";
import { openScreen } from "../../../functions/telegram/screens/open.ts";
import { type Break, first } from "../../_support/line.ts";
import { type RunStack, startRunStack } from "../../_support/run_stack.ts";
import { ADMIN, from, givenBot, HOME, pressed, said, TRACE, TRACES } from "./bot_fixture.ts";
import { noRuns } from "./runs_fixture.ts";
import { refuse } from "./scripted_telegram.ts";

const VIEWER = 7202;
/** More than by default, so that nobody is asked whether days may be dropped. */
const SETTING: Action = { screen: "settings", set: { setting: 0, choice: 3 } };
const AWAY = "The database did not answer.";

let on: RunStack;
/** Another isolate's, not over the line. */
let elsewhere: Db;
beforeAll(async () => {
  on = await startRunStack();
  elsewhere = createDb(on.stack.info.api_url, on.stack.info.service_role_key);
});
afterAll(() => on?.end());
beforeEach(async () => {
  await on.forget();
  await on.client.query(`
    delete from tracegram.seen_updates;
    delete from tracegram.admin_audit;
    delete from tracegram.admins;
    insert into tracegram.admins (user_id, role) values (${VIEWER}, 'viewer');
    update tracegram.settings set trace_days = default;
  `);
});

/** Names of what was asked over the line, the claim among them: it shows that the line is in use. */
const asked = () => on.line.asked.map(({ name }) => name);

async function claim(db: Db, update: Update): Promise<Admission> {
  const head = headOf(update, { adminIds: [ADMIN] });
  if (typeof head === "string") throw new Error(head);
  const claim = await db.claimUpdate(head);
  if (claim.claim !== "claimed") throw new Error(claim.claim);
  return claim;
}

const audited = async () =>
  (await on.client.query("select user_id::int, role, action, detail, allowed from tracegram.admin_audit")).rows;

/** A bot whose updates are claimed over the line; without a claim they are handled as the webhook does. */
async function setUp(meanwhile?: () => Promise<unknown>) {
  const { bot, ...given } = await givenBot(on.db, meanwhile && { meanwhile });
  return {
    ...given,
    async handle(update: Update) {
      const admission = await claim(on.db, update).catch((unclaimed: unknown): Admission => {
        if (!(unclaimed instanceof RpcError)) throw unclaimed;
        return { role: "owner", lane: "yours", rich: false, unclaimed };
      });
      return await bot.handle(update, admission);
    },
  };
}

describe("/trace in reply to", () => {
  const BOT = { id: 123456, is_bot: true, first_name: "Tracegram" };
  const replying = (reply_to_message: object): Update => {
    const { message } = said("/trace") as Update.MessageUpdate;
    return { update_id: 1, message: { ...message, reply_to_message } } as unknown as Update;
  };
  const screenOf = { inline_keyboard: [[{ text: "🏠", callback_data: HOME }]] };

  test.each<[string, Update]>([
    ["one's own message", replying({ message_id: 9, from: from() })],
    ["a screen of the admin bot", replying({ message_id: 9, from: BOT, reply_markup: screenOf })],
    [
      "a person's, forwarded from a private chat",
      replying({ message_id: 9, from: from(), forward_origin: { type: "user", sender_user: from() } }),
    ],
  ])("%s says what Telegram does not tell, and looks for nothing", async (_, update) => {
    const { handle, calls } = await setUp();
    await handle(update);
    expect(asked()).toEqual(["claim_update"]);
    expect(calls).toMatchObject([{ payload: { text: renderNoOrigin().html } }]);
  });
});

describe("who may not", () => {
  const ALERT = 3;
  const acts: [string, Action, string, object][] = [
    [
      "reads prompts",
      { screen: "io", trace_id: TRACE, step: 1, side: "request", page: 0, back: { to: "home" } },
      "read_io",
      { trace_id: TRACE, step: 1, side: "request", page: 0 },
    ],
    ["acts on an alert", { screen: "alert", alert_id: ALERT, act: "mute_1h" }, "alert_mute_1h", { alert_id: ALERT }],
    ["changes a setting", SETTING, "change_settings", { after: { trace_days: 90 } }],
    ["changes a rule", { screen: "rule", rule: "p95", enabled: false }, "change_rule", {
      rule: "p95",
      after: { enabled: false },
    }],
  ];
  beforeEach(async () => {
    await on.client.query(`
      delete from tracegram.alerts;
      insert into tracegram.alerts (alert_id, rule, opened_at, threshold, value, worst, detail)
      overriding system value values (${ALERT}, 'quota', now(), 1, 2, 2, '');
    `);
  });

  test.each<[string, Action, string, object]>([
    ...acts,
    ["looks at the admins", { screen: "admins" }, "admins", {}],
  ])("%s: nothing is opened, and it is in the audit", async (_, action, name, detail) => {
    const { handle, calls } = await setUp();
    await handle(pressed(encodeAction(action), 2, { user: VIEWER }));
    expect(asked()).toEqual(["claim_update", "refuse_action"]);
    expect(await audited()).toEqual([{ user_id: VIEWER, role: "viewer", action: name, detail, allowed: false }]);
    // The message may be another one's.
    expect(calls).toMatchObject([{
      method: "answerCallbackQuery",
      payload: { callback_query_id: "42", show_alert: true, text: expect.stringContaining("may not") },
    }]);
  });

  test.each(acts)("%s: SQL, which knows more of it, would note it so", async (_, action, name, detail) => {
    const actor = { user_id: VIEWER, chat_id: VIEWER, role: "owner" } as const;
    const reply = await openScreen({ db: elsewhere, now: () => new Date(), actor, ...noRuns }, action);
    expect(reply).toMatchObject({ name: "refusal" });
    expect(await audited()).toMatchObject([{ user_id: VIEWER, role: "viewer", action: name, detail, allowed: false }]);
  });
});

describe.each<Break>(["away", "lost"])("without a claim, for it was %s,", (how) => {
  beforeEach(() => void (on.line.breaks = first(1, how, ["claim_update"])));

  test.each([
    ["an act", pressed(encodeAction({ screen: "alert", alert_id: 3, act: "mute_1h" }))],
    ["a new admin", said("/admin add 5 viewer")],
    ["a group", said("/admin deny")],
    ["a list", pressed(TRACES)],
    ["a list by its name", said("/admin traces")],
    ["a trace", said(`/trace ${TRACE}`)],
  ])("%s is answered with that the database is away: it is not asked, nor waited for once more", async (_, update) => {
    const { handle, calls } = await setUp();
    expect(await handle(update)).toMatchObject({ handled: true });
    expect(asked()).toEqual(["claim_update"]);
    expect(calls.at(-1)).toMatchObject({ payload: { text: expect.stringContaining(AWAY) } });
  });
});

describe("the lane", () => {
  /** Another isolate edits another message of the chat. */
  async function held(user = ADMIN) {
    expect(await claim(elsewhere, pressed(TRACES, 1, { user, message_id: 6 }))).toMatchObject({ lane: "yours" });
  }
  const free = () => elsewhere.finishUpdate(1, true, { responses: [], richRefused: false });
  /** Another isolate gets the next press of the message. */
  const newer = (user = ADMIN) => claim(elsewhere, pressed(TRACES, 3, { user }));

  test("is waited for before anything is opened, and a press that is superseded is not shown", async () => {
    await held();
    const { handle, methods, slept } = await setUp(() => newer());
    const { later } = await handle(pressed(HOME));
    expect(await later).toMatchObject({ handled: true, responses: [] });
    expect(asked()).toEqual(["claim_update", "take_lane"]);
    expect(on.line.asked[1]!.args).toEqual({ p_update_id: 2 });
    expect([methods(), slept]).toEqual([["answerCallbackQuery"], [250]]);
  });

  test("is waited for after the update was answered, so that the next press can come", async () => {
    await held();
    const { handle, methods } = await setUp(free);
    const { handled, later, responses } = await handle(pressed(HOME));
    expect([handled, responses, asked()]).toEqual([true, [], ["claim_update"]]);
    expect((await later)!.responses).toMatchObject([{ screen: "home" }]);
    expect(methods()).toEqual(["answerCallbackQuery", "editMessageText"]);
  });

  test("that is waited for is not waited for again: what fails then is logged", async () => {
    await held();
    const { handle, next, logged } = await setUp(free);
    next("editMessageText", refuse(502, "Bad Gateway"));
    const { later } = await handle(pressed(HOME));
    expect(await later).toMatchObject({ handled: true, responses: [expect.anything()] });
    expect(logged.at(-1)).toMatchObject({ event: "update_failed", transient: true, answered: true });
  });

  test("that another one holds for long is given up", async () => {
    await held();
    const { handle, methods, slept, logged } = await setUp();
    const { later } = await handle(pressed(HOME));
    expect(await later).toMatchObject({ handled: true, responses: [] });
    expect(logged).toMatchObject([{ event: "update_failed", error: expect.stringContaining("lane") }]);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(8000, -3);
    expect(asked().length).toBeLessThan(100);
    expect(new Set(asked())).toEqual(new Set(["claim_update", "take_lane"]));
    expect(methods()).toEqual(["answerCallbackQuery"]);
  });

  test("is not asked for by what the claim has said already", async () => {
    await newer();
    const { handle, methods } = await setUp();
    expect(await handle(pressed(HOME))).toMatchObject({ handled: true });
    expect([asked(), methods()]).toEqual([["claim_update"], ["answerCallbackQuery"]]);
  });

  describe.each<[string, (user: number) => Promise<unknown>]>([
    ["is superseded", newer],
    ["is never free", () => Promise.resolve()],
  ])("that %s", (_, meanwhile) => {
    const act = encodeAction(SETTING);

    test("does not keep a change from being made", async () => {
      await held();
      const { handle, methods } = await setUp(() => meanwhile(ADMIN));
      const { handled, later } = await handle(pressed(act));
      expect(handled).toBe(true);
      expect(await later).toMatchObject({ handled: true, responses: [] });
      expect(asked().slice(0, 4)).toEqual(["claim_update", "get_settings", "admin_change_settings", "take_lane"]);
      const { rows } = await on.client.query("select trace_days from tracegram.settings");
      expect(rows).toEqual([{ trace_days: 90 }]);
      expect(methods()).toEqual(["answerCallbackQuery"]);
    });

    test("does not keep a refusal from being written down and said, which needs no lane", async () => {
      await held(VIEWER);
      const { handle, methods } = await setUp(() => meanwhile(VIEWER));
      expect(await handle(pressed(act, 2, { user: VIEWER }))).toMatchObject({ handled: true });
      expect(asked()).toEqual(["claim_update", "refuse_action"]);
      expect(await audited()).toMatchObject([{ user_id: VIEWER, action: "change_settings", allowed: false }]);
      expect(methods()).toEqual(["answerCallbackQuery"]);
    });
  });
});
