// A person in a browser, on the page of the local Telegram: by what is written on it, not by how it is built.
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { Failure } from "../../scripts/stack/failure.ts";
import { type AdminStack, startAdminStack } from "../_support/admin.ts";
import { launchChromium } from "../_support/chromium.ts";
import { HOSTILE_NAMES, hostileTrace } from "../_support/hostile.ts";
import { makeTrace } from "../_support/traces.ts";

let browser: Browser | undefined;
let why = "";
let stack: AdminStack;
beforeAll(async () => {
  try {
    browser = await launchChromium();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    why = error.message;
    return;
  }
  stack = await startAdminStack({ limits: { chat: { count: Infinity, ms: 1 } } });
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
});

/** The page as `user` sees it, or at its bare address. What no page of ours may do fails the test. */
async function open(user?: number, options: BrowserContextOptions = {}): Promise<Page> {
  const chat = user === undefined ? "" : `#${encodeURIComponent(stack.person(user).chat)}`;
  const context = await browser!.newContext(options);
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== stack.info.telegram_url && protocol !== "data:") wrong.push(request.url());
  });
  onTestFinished(async () => {
    await context.close();
    expect(wrong).toEqual([]);
  });
  await page.goto(`${stack.info.telegram_url}/${chat}`);
  return page;
}

const log = (page: Page) => page.getByRole("log", { name: "Messages" });
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

async function command(page: Page, text: string): Promise<void> {
  const field = page.getByRole("textbox", { name: "Message" });
  await field.fill(text);
  await field.press("Enter");
}

test("types the command, turns a page, opens a trace and goes back", async () => {
  const page = await open(1001, { viewport: { width: 375, height: 800 } });
  await command(page, "/admin traces");
  await button(page, "Page 1/6").waitFor();
  await button(page, "Next ➡️").click();
  await button(page, "Page 2/6").waitFor();
  const list = await log(page).getByRole("listitem").last().innerText();
  expect(list).toMatch(/^Traces · last 30 days · 60\n/);
  expect(list.match(/^\d+ ✅ support · 1\.23 s · /gm)).toHaveLength(10);

  await button(page, "3").click();
  await button(page, "⬅️ Back").waitFor();
  const detail = await log(page).getByRole("listitem").last().innerText();
  expect(detail).toMatch(/^✅ support · ok · 1\.23 s\n/);
  expect(detail).toMatch(/^llm\.generate 1\.20 s █+$/m);
  // A row of the waterfall as wide as any, on one line.
  expect(
    await log(page).locator("pre code, pre").last().evaluate((row) => {
      const range = document.createRange();
      range.selectNodeContents(row);
      return new Set([...range.getClientRects()].map((rect) => rect.top)).size;
    }),
  ).toBe(1);

  await button(page, "⬅️ Back").click();
  await button(page, "Page 2/6").waitFor();
  expect(await log(page).getByRole("listitem").last().innerText()).toBe(list);
  expect(await log(page).getByRole("listitem").count()).toBe(2);
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
      await button(page, "⬅️ Back").waitFor();
      read += await expectPlain(page);
      await button(page, "⬅️ Back").click();
      await button(page, `Page ${n}/6`).waitFor();
    }
    for (const name of HOSTILE_NAMES.slice(0, 5)) expect(read).toContain(name.slice(0, 15));
    expect(await page.title()).toBe(title);
  },
);

/** The answer's text. Elements of the answer are those that the bot means, and none is wider than its place. */
async function expectPlain(page: Page): Promise<string> {
  const answer = log(page).getByRole("listitem").last();
  const found = await answer.evaluate((item) => ({
    elements: [...new Set([...item.querySelectorAll("*")].map((element) => element.localName))].sort(),
    wide: [...document.querySelectorAll("html, #messages, #messages *")]
      .filter((element) => getComputedStyle(element).display !== "inline" && element.scrollWidth > element.clientWidth)
      .map((element) => element.outerHTML.slice(0, 100)),
  }));
  const own = ["b", "button", "code", "div", "pre", "span"];
  expect(found.elements.filter((name) => !own.includes(name))).toEqual([]);
  expect(found.wide).toEqual([]);
  return await answer.innerText();
}
