// A file on its way, when Telegram slows the bot down, and when making it takes a while.
import { expect, test } from "vitest";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import type { SendDeps } from "../../../functions/telegram/calls.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import type { Export } from "../../../functions/telegram/render/screen.ts";
import { sendExport } from "../../../functions/telegram/send_export.ts";
import { type Answer, refuse, scriptedTelegram } from "./scripted_telegram.ts";

const TARGET = { chat_id: 1001, message_id: 7 };
const tooMany = (retry_after: number) => refuse(429, `Too Many Requests: retry after ${retry_after}`, { retry_after });
const sent = (message_id: number): Answer => (res) =>
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ok: true, result: { message_id } }));

async function setUp() {
  const telegram = await scriptedTelegram();
  const logged: LogRecord[] = [];
  const slept: number[] = [];
  const limited: number[] = [];
  const deps: SendDeps = {
    api: createBotCall({ token: "123456:AB-secret", apiRoot: telegram.apiRoot }),
    log: (record) => void logged.push(record),
    sleep: (ms) => Promise.resolve(void slept.push(ms)),
    left: () => 30_000,
    maxRetryAfterS: 15,
    rateLimited: (seconds) => void limited.push(seconds),
    showing: () => {},
    rich: { accepted: true },
  };
  return { ...telegram, deps, logged, slept, limited };
}

/** A file of three lines, each a while after the one before; its caption says how many there were in the end. */
function file(every_ms = 0): Export & { made: number } {
  let lines = 0;
  return {
    name: "export_csv",
    filename: "traces.csv",
    made: 0,
    get caption() {
      return `${lines} rows`;
    },
    async *content(say) {
      this.made++;
      for (lines = 0; lines < 3;) {
        yield new TextEncoder().encode(`row ${++lines}\n`);
        say(`Exporting… ${lines} of 3`);
        await new Promise((resolve) => setTimeout(resolve, every_ms));
      }
    },
  };
}

const bytesOf = ({ payload }: { payload: { document: { bytes: number[] } } }) =>
  new TextDecoder().decode(new Uint8Array(payload.document.bytes));

test("what is known only when the file is made is its caption then", async () => {
  const { deps, calls, next } = await setUp();
  next("sendDocument", sent(50));
  expect(await sendExport(deps, TARGET, file())).toBe("sent");
  expect(calls.map(({ method, payload }) => [method, payload.caption])).toEqual([
    ["sendDocument", "0 rows"],
    ["editMessageCaption", "3 rows"],
  ]);
  expect(calls[1]!.payload.message_id).toBe(50);
});

test("a 429 is waited for once, and the file made anew is whole", async () => {
  const { deps, calls, next, slept, limited } = await setUp();
  next("sendDocument", tooMany(3));
  next("sendDocument", sent(50));
  const of = file();
  expect(await sendExport(deps, TARGET, of)).toBe("sent");
  const documents = calls.filter(({ method }) => method === "sendDocument");
  expect(documents.map(bytesOf)).toEqual(["row 1\nrow 2\nrow 3\n", "row 1\nrow 2\nrow 3\n"]);
  expect([of.made, slept, limited]).toEqual([2, [3000], [3]]);
});

test.each([
  ["a second 429", [tooMany(3), tooMany(3)], [3000], [3, 3]],
  ["a 429 longer than there is time", [tooMany(29)], [], [29]],
])("%s gives up, and is recorded", async (_, answers, waits, seconds) => {
  const { deps, next, slept, limited } = await setUp();
  for (const answer of answers) next("sendDocument", answer);
  expect(await sendExport(deps, TARGET, file())).toBe("given_up");
  expect([slept, limited]).toEqual([waits, seconds]);
});

test("a file that takes a while has a line of progress, edited, and taken away at the end", async () => {
  const { deps, calls, next } = await setUp();
  next("sendMessage", sent(60));
  next("sendDocument", sent(50));
  expect(await sendExport(deps, TARGET, file(2100))).toBe("sent");
  const line = calls.filter(({ method }) => /^(?:sendMessage|editMessageText|deleteMessage)$/.test(method));
  expect(line).toMatchObject([
    { method: "sendMessage", payload: { chat_id: 1001, text: "Exporting… 2 of 3", disable_notification: true } },
    { method: "editMessageText", payload: { message_id: 60, text: "Exporting… 3 of 3" } },
    { method: "deleteMessage", payload: { message_id: 60 } },
  ]);
});

test("a 429 for the line of progress ends the line, not the file", async () => {
  const { deps, calls, next, logged, limited } = await setUp();
  next("sendMessage", tooMany(9));
  next("sendDocument", sent(50));
  expect(await sendExport(deps, TARGET, file(2100))).toBe("sent");
  expect(calls.map(({ method }) => method).sort()).toEqual(["editMessageCaption", "sendDocument", "sendMessage"]);
  expect(logged).toMatchObject([{ event: "progress_not_shown" }]);
  expect(limited).toEqual([9]);
});
