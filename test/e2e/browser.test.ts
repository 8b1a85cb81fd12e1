// A person in a browser, on the page of the local Telegram: by what is written on it, not by how it is built.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import bot from "../../functions/synthetic/bot.ts";
import { createDb } from "../../functions/_shared/db.ts";
import { RECORDINGS, SCENARIOS } from "../../functions/synthetic/scenarios/all.ts";
import { scenarioEntries } from "../../functions/synthetic/suite/entries.ts";
import { CALM_KEY, standInLlm } from "../../scripts/demo/stand_in_llm.ts";
import { Failure } from "../../scripts/stack/failure.ts";
import { serve, type Served } from "../../scripts/stack/serve.ts";
import { type AdminStack, startAdminStack } from "../_support/admin.ts";
import { launchChromium } from "../_support/chromium.ts";
import { HOSTILE_NAMES, hostileTrace } from "../_support/hostile.ts";
import { button, command, expectPlain, lastMessage, log, openPage } from "../_support/page.ts";
import { makeTrace } from "../_support/traces.ts";

let browser: Browser | undefined;
let why = "";
let stack: AdminStack;
let llm: Served;
beforeAll(async () => {
  try {
    browser = await launchChromium();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    why = error.message;
    return;
  }
  // As in the demo.
  llm = await serve(standInLlm, { port: 0 });
  stack = await startAdminStack({ limits: { chat: { count: Infinity, ms: 1 } } }, {
    synthetic: 1,
    env: { OPENROUTER_API_KEY: CALM_KEY, OPENROUTER_BASE_URL: `${llm.url}/v1` },
  });
  const now = Date.now() - 60_000;
  await stack.ingest(Array.from({ length: 40 }, (_, i) => hostileTrace(i, now)));
  await stack.ingest(
    Array.from({ length: 20 }, (_, i) => makeTrace({ pipeline: "support", started_at: now + 1000 + i })),
  );
}, 300_000); // the first time, Chromium is fetched
beforeEach((context) => {
  if (!browser) context.skip(`Chromium cannot be had: ${why}`);
});
afterAll(async () => {
  await browser?.close();
  await stack?.end();
  await llm?.close();
});

const open = (user?: number, options?: BrowserContextOptions) => openPage(browser!, stack, user, options);

test("types the command, turns a page, opens a trace and goes back", async () => {
  const page = await open(1001, { viewport: { width: 375, height: 800 } });
  await command(page, "/admin traces");
  await button(page, "Page 1/6").waitFor();
  const count = await log(page).locator("> li").count();
  await button(page, "Next ➡️").click();
  await button(page, "Page 2/6").waitFor();
  const list = await lastMessage(page).innerText();
  expect(list).toMatch(/^Traces · last 30 days · 60\n/);
  expect(list.match(/^\d+ ✅ support · 1\.23 s · /gm)).toHaveLength(10);

  await button(page, "3").click();
  await button(page, "⬅️ Traces").waitFor();
  const detail = await lastMessage(page).innerText();
  expect(detail).toMatch(/^✅ support · ok · 1\.23 s\n/);
  expect(detail).toMatch(/^llm\.generate\s+1 ms\s+1\.20 s$/m);
  // The table of steps is no wider than the phone.
  expect(await log(page).locator(".table").last().evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0);

  await button(page, "⬅️ Traces").click();
  await button(page, "Page 2/6").waitFor();
  expect(await lastMessage(page).innerText()).toBe(list);
  expect(await log(page).locator("> li").count()).toBe(count);
});

test("the bare address opens with the admin's chat, ready to type", async () => {
  stack.person(1003); // whose chat came later
  const page = await open();
  await page.getByRole("heading", { name: "Tracegram" }).waitFor();
  await page.locator("header").getByText("bot · you are Ada").waitFor();
  // Not sent: the chat is another test's.
  await page.keyboard.type("/admin");
  expect(await page.getByRole("textbox", { name: "Message" }).inputValue()).toBe("/admin");
});

test.each([["a phone", 375, 1002], ["a desk", 1200, 1003]])(
  "names of a hostile sender stay text and nothing is wider than %s",
  async (_, width, user) => {
    const page = await open(user, { viewport: { width, height: 800 } });
    await command(page, "/admin traces");
    await button(page, "Page 1/6").waitFor();
    const title = await page.title();
    let read = "";
    for (const n of [2, 3, 4, 5]) {
      await button(page, "Next ➡️").click();
      await button(page, `Page ${n}/6`).waitFor();
      read += await expectPlain(page);
      await button(page, String(n)).click();
      await button(page, "⬅️ Traces").waitFor();
      read += await expectPlain(page);
      await button(page, "⬅️ Traces").click();
      await button(page, `Page ${n}/6`).waitFor();
    }
    for (const name of HOSTILE_NAMES.slice(0, 5)) expect(read).toContain(name.slice(0, 15));
    expect(await page.title()).toBe(title);
  },
);

/** Presses of the test below. */
const MAX_PRESSES = 25;

test("a walk over every kind of button shows plain screens", async () => {
  const folder = process.env["SCREENSHOTS"];
  if (folder) mkdirSync(folder, { recursive: true });
  const page = await open(1001, { viewport: { width: 375, height: 800 }, deviceScaleFactor: 2 });
  await command(page, "/admin");
  const pressed = new Set<string>();
  for (let n = 0; n < MAX_PRESSES; n++) {
    expect(await expectPlain(page)).not.toMatch(/could not be shown|The database/);
    if (folder) await page.screenshot({ path: join(folder, `${String(n).padStart(2, "0")}.png`) });
    // A file comes after the screen, whose buttons stay.
    const screen = log(page).locator("> li:has(.key)").last();
    const labels = await screen.locator(".key").allInnerTexts();
    // Numbers apart, a label says what a button does.
    const label = labels.find((one) => !pressed.has(one.replace(/\d+/g, "#")));
    if (label === undefined) break;
    pressed.add(label.replace(/\d+/g, "#"));
    await screen.getByRole("button", { name: label, exact: true }).click();
    expect(await stack.telegram.client.settled(30_000)).toBe(true);
    await page.waitForTimeout(100);
  }
  expect(pressed.size).toBeGreaterThanOrEqual(4);
}, 120_000);

test("a person sees what tests cost, runs them, and reads the report, on a phone", async () => {
  await createDb(stack.info.api_url, stack.info.service_role_key)
    .registerScenarios(scenarioEntries(SCENARIOS, RECORDINGS, bot));
  const page = await open(1001, { viewport: { width: 375, height: 800 }, deviceScaleFactor: 2 });
  await command(page, "/admin test smoke");
  expect(await expectPlain(page)).toMatch(/^Smoke tests: \d+ scenarios\nabout \$/);
  await lastMessage(page).getByRole("button", { name: "▶ Run, at most $" }).click();
  await log(page).getByText("✅ Smoke tests · all", { exact: false }).waitFor({ timeout: 20_000 });
  expect(await expectPlain(page)).toMatch(/^✅ Smoke tests · all \d+ passed\n\$0\.\d+ of at most \$/);
  await lastMessage(page).getByRole("button", { name: /^Details/ }).click();
  await button(page, "1").click();
  await lastMessage(page).getByRole("button", { name: "🔎 Trace" }).first().waitFor({ timeout: 5000 });
  expect(await expectPlain(page)).toMatch(/^✓ \S+\nSmoke tests · passed\n/);
});

test("a person replies to a message, and passes by the keyboard of the page", async () => {
  const page = await open(1002, { viewport: { width: 375, height: 800 } });
  await command(page, "/admin traces");
  await lastMessage(page).getByRole("button", { name: "Reply" }).click();
  expect(await page.locator("#reply-text").innerText()).toMatch(/^Traces · last 30 days/);
  await command(page, "/trace");
  await expect.poll(() => stack.person(1002).view().messages.findLast(({ from }) => from.id === 1002))
    .toMatchObject({ text: "/trace", reply_to_message: { text: expect.stringMatching(/^Traces · last 30 days/) } });
  expect(await page.locator("#reply").isHidden()).toBe(true);
});
