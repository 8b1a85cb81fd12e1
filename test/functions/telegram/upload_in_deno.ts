// Run by upload_in_deno.test.ts in Deno, as the function is: sends a picture and a file to the Bot API at its argument.
import process from "node:process";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import type { SendDeps } from "../../../functions/telegram/calls.ts";
import { show } from "../../../functions/telegram/send.ts";
import { sendExport } from "../../../functions/telegram/send_export.ts";

const deps: SendDeps = {
  api: createBotCall({ token: "123456:AB-secret", apiRoot: process.argv[2]! }),
  log: () => {},
  sleep: () => Promise.resolve(),
  left: () => 30_000,
  maxRetryAfterS: 15,
  rateLimited: () => {},
  showing: () => {},
  rich: { accepted: true },
};
const png = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
const screen = {
  name: "picture",
  html: "<b>p95</b>",
  chars: 3,
  keyboard: [[{ label: "🏠", action: { screen: "home" } as const }]],
};
async function* content() {
  yield await Promise.resolve(png);
}
console.log(await show(deps, { chat_id: 1001 }, { ...screen, png }));
console.log(await show(deps, { chat_id: 1001, message_id: 7 }, { ...screen, png }));
console.log(
  await sendExport(deps, { chat_id: 1001 }, { name: "export", filename: "a.json", caption: "1 trace", content }),
);
