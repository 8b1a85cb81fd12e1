/**
 * npm run screens: every screen of the admin bot on one page, for people to review.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { findExamples } from "./screens/examples.ts";
import { showReply } from "./screens/message.ts";
import { screensPage, type ShownExample } from "./screens/page.ts";
import { Failure } from "./stack/failure.ts";
import { STACK_DIR } from "./stack/stack.ts";

const HELP =
  `Every screen of the admin bot, light and dark, with the hostile examples, on one page that needs no server.

  npm run screens                     writes .stack/screens/index.html
  npm run screens -- --out a/b.html   writes that file instead
  npm run screens -- --png            and each screen as a PNG beside it, through Chromium

The examples are those of test/functions/telegram/screens/. Each is sent to the Bot API stand-in; what it refuses is
shown as refused, and the exit code is 1.`;

async function main(out: string, png: boolean): Promise<void> {
  const examples: ShownExample[] = [];
  for (const { name, examples: own } of await findExamples()) {
    for (const [i, { title, reply }] of own.entries()) {
      examples.push({ renderer: name, title, id: `${name}-${i + 1}`, shown: await showReply(reply) });
    }
  }
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, screensPage(examples));
  console.log(`${examples.length} screens: ${pathToFileURL(out)}`);

  for (const { id, title, shown } of examples) {
    for (const { form, refusal } of shown) {
      if (!refusal) continue;
      console.error(`Telegram refuses ${id} (${title}, ${form}): ${refusal}`);
      process.exitCode = 1;
    }
  }
  if (png) await screenshots(out);
}

async function screenshots(page: string): Promise<void> {
  const { launchChromium } = await import("../test/_support/chromium.ts");
  const browser = await launchChromium();
  try {
    const tab = await browser.newPage({ viewport: { width: 820, height: 800 }, deviceScaleFactor: 2 });
    await tab.goto(pathToFileURL(page).href);
    const phones = await tab.locator(".phone").all();
    for (const phone of phones) {
      await phone.screenshot({ path: join(dirname(page), `${await phone.getAttribute("id")}.png`) });
    }
    console.log(`${phones.length} PNGs beside it.`);
  } finally {
    await browser.close();
  }
}

try {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: join(STACK_DIR, "screens", "index.html") },
      png: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) console.log(HELP);
  else await main(resolve(values.out), values.png);
} catch (error) {
  const isUsage = (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
  console.error(error instanceof Failure ? `${error.message}\n${error.todo}` : isUsage ? `${error}\n\n${HELP}` : error);
  process.exitCode = isUsage ? 2 : 1;
}
