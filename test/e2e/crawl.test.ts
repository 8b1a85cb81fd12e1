// Every button that can be reached, pressed once: Telegram takes each message, and none says that a screen failed.
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../functions/telegram/render/html.ts";
import { type AdminStack, startAdminStack } from "../_support/admin.ts";
import { crawl, isFailure } from "../_support/crawl.ts";
import { hostileTrace } from "../_support/hostile.ts";
import { makeTrace } from "../_support/traces.ts";

const MAX_PRESSES = 400;

let stack: AdminStack;
beforeAll(async () => {
  stack = await startAdminStack({ limits: { chat: { count: Infinity, ms: 1 }, bot: { count: Infinity, ms: 1 } } });
  const now = Date.now() - 60_000;
  await stack.ingest(Array.from({ length: 30 }, (_, i) => hostileTrace(i, now)));
  await stack.ingest(
    Array.from({ length: 30 }, (_, i) => makeTrace({ pipeline: "support", started_at: now + 1000 + i })),
  );
});
afterAll(() => stack?.end());

test("every button opens something, within Telegram's limits", async () => {
  const { visits, refusals } = await crawl({
    telegramUrl: stack.info.telegram_url,
    chat: stack.person().chat,
    says: "/admin",
    max: MAX_PRESSES,
    kindOf: (data) => data.slice(0, 2),
  });
  expect(refusals.map(({ method, params, body }) => ({ method, params, body }))).toEqual([]);
  expect(visits.filter(({ shown }) => shown.some(isFailure)).map(({ path }) => path)).toEqual([]);
  // Telegram takes a little more; ours stay below, so that no count of ours can be just wrong.
  const long = visits.flatMap(({ path, shown }) => shown.map(({ text, caption }) => ({ path, text: text ?? caption })))
    .filter(({ text = "" }) => text.length > MAX_VISIBLE);
  expect(long).toEqual([]);
  // A press shows something, or says why not.
  expect(visits.filter(({ shown, answer }) => shown.length === 0 && !answer.text).map(({ path }) => path)).toEqual([]);
  // The list and the trace at least, by way of both of their pages' directions.
  expect(new Set(visits.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(2);
  expect(visits.length).toBeGreaterThan(60);
}, 300_000);
