/** The page of the local Telegram in a browser: what a person finds on it, by what is written there. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import type { AdminStack } from "./admin.ts";

/** The page as `user` sees it, or at its bare address. What no page of ours may do fails the test. */
export async function openPage(
  browser: Browser,
  stack: AdminStack,
  user?: number,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const chat = user === undefined ? "" : `#${encodeURIComponent(stack.person(user).chat)}`;
  const context = await browser.newContext(options);
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
  // Until a chat is there, there is nothing to write in.
  await page.locator("#text:enabled").waitFor();
  return page;
}

export const log = (page: Page) => page.getByRole("log", { name: "Messages" });
export const lastMessage = (page: Page) => log(page).locator("> li").last();
/** A button of the last message. */
export const button = (page: Page, name: string) => lastMessage(page).getByRole("button", { name, exact: true });

/** Writes to the bot, and waits until what is written and one answer to it are there. */
export async function command(page: Page, text: string): Promise<void> {
  const messages = log(page).locator("> li");
  const before = await messages.count();
  const field = page.getByRole("textbox", { name: "Message" });
  await field.fill(text);
  await field.press("Enter");
  await expect.poll(() => messages.count()).toBe(before + 2);
}

/** Elements that a bot may mean: those of its messages, with tables and pictures, and the page's own around them. */
const OWN = [
  ...["b", "i", "u", "s", "a", "code", "pre", "mark", "sub", "sup", "blockquote", "time", "br"],
  ...["h1", "h2", "h3", "p", "hr", "ul", "li", "table", "caption", "tbody", "tr", "th", "td", "details", "summary"],
  ...["footer", "cite", "aside", "img", "button", "div", "span", "small"],
];

/** The answer's text. Elements of the answer are those that the bot means, and none is wider than its place. */
export async function expectPlain(page: Page): Promise<string> {
  const answer = lastMessage(page);
  const found = await answer.evaluate((item) => ({
    elements: [...new Set([...item.querySelectorAll("*")].map((element) => element.localName))].sort(),
    active: [...item.querySelectorAll("*")].flatMap((element) =>
      element.getAttributeNames().filter((name) => name.startsWith("on"))
    ),
    wide: [...document.querySelectorAll("html, #messages, #messages *")]
      // A table moves sideways in a place of its own, and what is replied to is cut.
      .filter((element) => !element.closest(".table, .quote"))
      .filter((element) => getComputedStyle(element).display !== "inline" && element.scrollWidth > element.clientWidth)
      .map((element) => element.outerHTML.slice(0, 100)),
  }));
  expect(found.elements.filter((name) => !OWN.includes(name))).toEqual([]);
  expect(found.active).toEqual([]);
  expect(found.wide).toEqual([]);
  return await answer.innerText();
}
