// Every button that can be reached, pressed once: Telegram takes each message, and none says that a screen failed.
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../functions/telegram/render/html.ts";
import { setAlertUrl } from "../../scripts/stack/admin_bot.ts";
import { type AdminStack, lastOf, startAdminStack } from "../_support/admin.ts";
import { fillQuota } from "../_support/alerts.ts";
import { crawl, isFailure } from "../_support/crawl.ts";
import { hostileTrace } from "../_support/hostile.ts";
import { makeTrace } from "../_support/traces.ts";

const MAX_PRESSES = 300;
/** Pages of a step's text. */
const LONG = "Where is my order?\n".repeat(1000);
/** Screens by their letter in callback.ts. */
const SCREENS = "abceghiklmpqrstuxy";

let stack: AdminStack;
beforeAll(async () => {
  stack = await startAdminStack({ limits: { chat: { count: Infinity, ms: 1 }, bot: { count: Infinity, ms: 1 } } });
  const now = Date.now() - 60_000;
  await stack.ingest(Array.from({ length: 30 }, (_, i) => hostileTrace(i, now)));
  await stack.ingest(Array.from({ length: 30 }, (_, i) =>
    makeTrace({
      pipeline: "support",
      started_at: now + 1000 + i,
      ...(i % 3 === 0 &&
        { status: "error", error: "429 rate limited", io: [{ step: 1, request: LONG, response: LONG }] }),
    })));
  await openAlert();
});

/** The database is nearly full, and Ada has the message that says so. */
async function openAlert(): Promise<void> {
  const db = stack.client("postgres");
  await db.connect();
  await db.query("select cron.unschedule(jobid) from cron.job where jobname = 'tracegram-alerts'");
  await db.query("begin; select pg_advisory_xact_lock(hashtext('tracegram.alerts')); commit");
  await db.query("update tracegram.alert_rules set enabled = rule = 'quota', opens_after = 1");
  await fillQuota(db, 90);
  // The bot may write to who has written to it.
  for (const admin of stack.admins) await stack.person(admin).say("/start");
  const ada = stack.person();
  await setAlertUrl(stack.info);
  await db.query("select tracegram.watch(now())");
  await stack.telegram.client.until(ada.chat, (view) => /nearly full/.test(lastOf(view).text ?? ""), 20_000);
  // What the crawl does to the alert is seen on its screens: nothing comes into the chat but for a press.
  await db.query("update tracegram.settings set alert_url = null");
  await db.end();
}
afterAll(() => stack?.end());

test("every button opens something, within Telegram's limits", async () => {
  const { visits, refusals } = await crawl({
    telegramUrl: stack.info.telegram_url,
    chat: stack.person().chat,
    says: ["/admin alert quota", "/admin"],
    max: MAX_PRESSES,
    kindOf: (data) => data.slice(1, 2),
  });
  expect(refusals.map(({ method, params, body }) => ({ method, params, body }))).toEqual([]);
  expect(visits.filter(({ shown }) => shown.some(isFailure)).map(({ path }) => path)).toEqual([]);
  // Telegram takes a little more; ours stay below, so that no count of ours can be just wrong.
  const long = visits.flatMap(({ path, shown }) => shown.map(({ text, caption }) => ({ path, text: text ?? caption })))
    .filter(({ text = "" }) => text.length > MAX_VISIBLE);
  expect(long).toEqual([]);
  // A press shows something, or says why not.
  expect(visits.filter(({ shown, answer }) => shown.length === 0 && !answer.text).map(({ path }) => path)).toEqual([]);
  expect([...new Set(visits.map(({ kind }) => kind))].sort().join("")).toBe(SCREENS);
  console.log(new Map(visits.map(({ data, path }) => [data.slice(1, 3), path.join(" › ")])));
  expect(visits.length).toBeGreaterThan(60);
}, 300_000);
