// What the page shows of messages that bots of ours do not send yet, in a browser.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { Failure } from "../../../../../scripts/stack/failure.ts";
import { serve } from "../../../../../scripts/stack/serve.ts";
import { launchChromium } from "../../../../_support/chromium.ts";
import { ADA, BOB, CHAT, keyboard, setUp, TOKEN } from "../_support.ts";
import { png } from "../pictures.ts";

let browser: Browser | undefined;
beforeAll(async () => {
  browser = await launchChromium().catch((error) => {
    if (error instanceof Failure) return undefined;
    throw error;
  });
}, 300_000);
beforeEach((context) => {
  if (!browser) context.skip("Chromium cannot be had");
});
afterAll(() => browser?.close());

async function open(theme: "light" | "dark" = "light") {
  const set = setUp({ now: Date.now });
  const server = await serve(set.telegram.handle, { port: 0 });
  const page = await browser!.newPage({ viewport: { width: 375, height: 900 }, colorScheme: theme });
  const wrong: string[] = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  onTestFinished(async () => {
    await page.close();
    set.telegram.close();
    await server.close();
    expect(wrong).toEqual([]);
  });
  await page.goto(`${server.url}/#${CHAT}`);
  await page.getByText("/start").last().waitFor();
  return { ...set, page };
}

const last = (page: Page) => page.locator("#messages > li").last();

async function upload(set: ReturnType<typeof setUp>, method: string, fields: Record<string, string | File>) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ chat_id: String(ADA.id), ...fields })) body.append(name, value);
  const request = new Request(`http://t/bot${TOKEN}/${method}`, { method: "POST", body });
  return (await (await set.telegram.handle(request)).json()).result;
}

test("a text becomes a picture in the same place, with its caption and keyboard", async () => {
  const { page, ...set } = await open();
  const { result } = await set.say("one moment", { reply_markup: keyboard("Go") });
  await page.getByText("one moment").last().waitFor();
  await upload(set, "editMessageMedia", {
    message_id: String(result.message_id),
    media: JSON.stringify({ type: "photo", media: "attach://p", caption: "p95, 24 h" }),
    p: new File([png(600, 300)], "chart.png"),
    reply_markup: JSON.stringify(keyboard("Text")),
  });
  const image = last(page).getByRole("img", { name: "p95, 24 h" });
  await image.waitFor();
  await expect.poll(() => image.evaluate((img: HTMLImageElement) => [img.naturalWidth, img.naturalHeight]))
    .toEqual([600, 300]);
  expect(await page.locator("#messages > li").count()).toBe(2);
  expect(await last(page).locator(".key").allInnerTexts()).toEqual(["Text"]);
  expect(await last(page).innerText()).toContain("edited");
});

test("a document has its name and size, and is saved under that name", async () => {
  const { page, ...set } = await open();
  await upload(set, "sendDocument", { document: new File(["a,b\n".repeat(500)], "träces.csv") });
  const file = last(page).getByRole("link");
  await file.waitFor();
  expect(await file.innerText()).toBe("↓\nträces.csv\n2.0 kB");
  const [download] = await Promise.all([page.waitForEvent("download"), file.click()]);
  expect(download.suggestedFilename()).toBe("träces.csv");
});

test("a rich message is a document, whose table moves in its own place", async () => {
  const { page, api } = await open();
  const cells = Array.from({ length: 12 }, (_, i) => `<td>column ${i}</td>`).join("");
  const html = `<h1>Trace <code>0194</code></h1><p>first<br>second &lt;script&gt;</p>
    <table bordered striped><caption>Steps</caption><tr><th>Step</th><th align="right">ms</th></tr><tr>${cells}</tr></table>
    <details><summary>Prompt</summary><pre>select  1;</pre></details>
    <ul><li>one</li><li><input type="checkbox" checked>two</li></ul><hr><footer>end</footer>`;
  await api("sendRichMessage", { chat_id: ADA.id, rich_message: { html } });
  await last(page).getByRole("heading", { name: "Trace 0194" }).waitFor();
  expect(await last(page).getByText("first").innerText()).toBe("first\nsecond <script>");
  expect(await last(page).getByRole("columnheader").allInnerTexts()).toEqual(["Step", "ms"]);
  expect(await last(page).locator(".table").evaluate((div) => div.scrollWidth > div.clientWidth)).toBe(true);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
  const prompt = last(page).getByText("select  1;");
  expect(await prompt.isVisible()).toBe(false);
  await last(page).getByText("Prompt").click();
  expect(await prompt.isVisible()).toBe(true);
});

test("an expandable quotation opens and closes", async () => {
  const { page, say } = await open();
  const lines = Array.from({ length: 9 }, (_, i) => `line ${i}`).join("\n");
  await say(`<blockquote expandable>${lines}</blockquote>`, { parse_mode: "HTML" });
  const more = last(page).getByRole("button", { name: "Show more" });
  await more.waitFor();
  const height = () => last(page).locator("blockquote > div").evaluate((div) => div.clientHeight);
  const closed = await height();
  await more.click();
  expect(await height()).toBeGreaterThan(2 * closed);
  await last(page).getByRole("button", { name: "Show less" }).click();
  expect(await height()).toBe(closed);
});

test("in a group each may write, and be answered", async () => {
  const { page, client, api } = await open();
  const { key, chat } = client.createGroup({ title: "Ops", members: [ADA.id, BOB.id], bots: ["first_bot"] });
  const { message_id } = client.send({ chat: key, user: BOB.id, text: "/admin@first_bot" });
  await api("sendMessage", { chat_id: chat.id, text: "Traces", reply_parameters: { message_id } });
  await page.getByRole("button", { name: "All chats" }).click();
  await page.getByRole("button", { name: "Ops" }).click();
  await last(page).getByText("Traces").waitFor();
  expect(await last(page).locator(".from").innerText()).toBe("first_bot");
  expect(await last(page).locator(".quote").innerText()).toBe("/admin@first_bot");
  await page.getByLabel("as").selectOption("Bob");
  await last(page).hover();
  await last(page).getByRole("button", { name: "Reply" }).click();
  await page.getByRole("textbox", { name: "Message" }).fill("/trace");
  await page.keyboard.press("Enter");
  await expect.poll(() => client.chat(key).messages.at(-1))
    .toMatchObject({ from: { id: BOB.id }, text: "/trace", reply_to_message: { text: "Traces" } });
});

test("the page is dark where the system is, until somebody turns it light, which lasts", async () => {
  const { page } = await open("dark");
  const color = () => page.locator(".bubble").first().evaluate((node) => getComputedStyle(node).backgroundColor);
  const dark = await color();
  await page.getByRole("button", { name: "All chats" }).click();
  await page.getByRole("button", { name: "Dark or light" }).click();
  const light = await color();
  expect(light).not.toBe(dark);
  await page.reload();
  await page.locator(".bubble").first().waitFor();
  expect(await color()).toBe(light);
  await page.emulateMedia({ colorScheme: "light" });
  expect(await color()).toBe(light);
});
