import { expect, test } from "vitest";
import { EnvError } from "../../../functions/_shared/env.ts";
import { createApp } from "../../../functions/telegram/app.ts";
import { scriptedTelegram } from "./scripted_telegram.ts";

const env: Record<string, string> = {
  SUPABASE_URL: "http://127.0.0.1:1",
  SUPABASE_SERVICE_ROLE_KEY: "key",
  TELEGRAM_BOT_TOKEN: "123456:AB-secret",
  TELEGRAM_WEBHOOK_SECRET: "s3cret",
  TELEGRAM_ADMIN_IDS: "1001",
};
const update = (user: number) =>
  new Request("http://x/functions/v1/telegram", {
    method: "POST",
    headers: { "x-telegram-bot-api-secret-token": "s3cret" },
    body: JSON.stringify({
      update_id: 1,
      message: { message_id: 1, from: { id: user }, chat: { id: user, type: "private" }, text: "/start" },
    }),
  });

test("the settings reach their places: secret, allow-list, database", async () => {
  const telegram = await scriptedTelegram();
  const app = createApp((name) => name === "TELEGRAM_API_ROOT" ? telegram.apiRoot : env[name]);
  expect((await app(new Request("http://x", { method: "POST" }))).status).toBe(401);
  expect(await (await app(update(6666))).json()).toEqual({ code: "database_away" });
  expect(await (await app(update(1001))).json()).toEqual({ code: "handled_unclaimed" });
});

test("nothing starts without them", () => expect(() => createApp(() => undefined)).toThrow(EnvError));
