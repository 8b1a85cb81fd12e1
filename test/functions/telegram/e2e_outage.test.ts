// The admin bot while its database is away. Each test leaves the stack whole.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AdminStack, buttonsOf, lastOf, pageOf, startAdminStack } from "../../_support/admin.ts";
import { childOf, endStack, type Return, stopPostgres, stopPostgrest } from "../../_support/outage.ts";
import type { TestStack } from "../../_support/stack.ts";
import { makeTrace } from "../../_support/traces.ts";

let stack: AdminStack;
beforeAll(async () => {
  stack = await startAdminStack();
  await stack.ingest(Array.from({ length: 25 }, () => makeTrace()));
});
afterAll(() => endStack(stack));

test("while PostgREST hangs, the message says so within five seconds", async () => {
  // Of a chat of her own: PostgREST may still take the press once it goes on, and its claim holds the chat's lane for a while.
  const ada = stack.person(stack.admins[1]);
  await ada.say("/admin traces");
  const { pid } = childOf(stack, "PostgREST");
  process.kill(pid, "SIGSTOP");
  try {
    const started = performance.now();
    expect(lastOf(await ada.press("Next ➡️")).text).toMatch(/^The database did not answer\./);
    expect(performance.now() - started).toBeLessThan(5000);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  expect(pageOf(await ada.say("/admin traces"))).toBe("Page 1/3");
});

test.each<[string, (stack: TestStack) => Promise<Return>]>([
  ["PostgREST", stopPostgrest],
  ["Postgres", stopPostgres],
])("without %s the message says so, and Try again leads on once it is back", async (_, stop) => {
  const ada = stack.person();
  const count = ada.view().messages.length;
  const before = await ada.say("/admin traces");
  const start = await stop(stack);

  const away = await ada.press("Next ➡️");
  expect(lastOf(away).text).toMatch(/^The database did not answer\.\n.*Try again in a minute/);
  expect(buttonsOf(away)).toEqual([["🔄 Try again", "🏠"]]);
  expect(lastOf(await ada.say("/admin traces")).text).toMatch(/^The database did not answer\./);
  await start();

  // PostgREST finds its database again with a back-off of its own. Presses that follow one another faster are shown as one, the last.
  await expect.poll(async () => pageOf(await ada.press("🔄 Try again")), { timeout: 20_000, interval: 1000 })
    .toBe("Page 1/3");
  expect(ada.view().messages).toHaveLength(count + 4);
  expect(lastOf(ada.view()).text).toBe(lastOf(before).text);
});
