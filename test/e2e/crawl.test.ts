// Every button that can be reached, pressed once: Telegram takes each message, and none says that a screen failed.
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../functions/telegram/render/html.ts";
import { type AdminStack, startAdminStack } from "../_support/admin.ts";
import { crawl, isFailure } from "../_support/crawl.ts";
import { hostileTrace } from "../_support/hostile.ts";
import { openAlert } from "../_support/open_alert.ts";
import { openRun } from "../_support/open_run.ts";
import { makeTrace } from "../_support/traces.ts";

const MAX_PRESSES = 130;
/** Pages of a step's text. */
const LONG = "Where is my order?\n".repeat(1000);
/** Screens by their letter in callback.ts. */
const SCREENS = "abcdefghijklmnopqrstuvwxy";

let stack: AdminStack;
beforeAll(async () => {
  stack = await startAdminStack({ limits: { chat: { count: Infinity, ms: 1 }, bot: { count: Infinity, ms: 1 } } });
  const now = Date.now() - 60_000;
  await stack.ingest(Array.from({ length: 30 }, (_, i) => hostileTrace(i, now)));
  const traces = Array.from({ length: 30 }, (_, i) =>
    makeTrace({
      pipeline: "support",
      started_at: now + 1000 + i,
      ...(i % 3 === 0 &&
        { status: "error", error: "429 rate limited", io: [{ step: 1, request: LONG, response: LONG }] }),
    }));
  await stack.ingest(traces);
  const db = stack.client("postgres");
  await db.connect();
  await openAlert(stack, db, stack.admins);
  await openRun(stack, stack.admins[0]!, traces[0]!.trace_id);
  // What the crawl does to the alert is seen on its screens: nothing comes into the chat but for a press.
  await db.query("update tracegram.settings set alert_url = null");
  await db.end();
});

afterAll(() => stack?.end());

test("every button opens something, within Telegram's limits", async () => {
  const { visits, refusals } = await crawl({
    telegramUrl: stack.info.telegram_url,
    chat: stack.person().chat,
    says: ["/admin alert quota", "/admin"],
    max: MAX_PRESSES,
    idle: stack.idle,
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
  expect(visits.length).toBeGreaterThan(60);
}, 300_000);
