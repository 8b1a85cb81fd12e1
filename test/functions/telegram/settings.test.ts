import { expect, test } from "vitest";
import { readSettings } from "../../../functions/telegram/settings.ts";

const complete: Record<string, string> = {
  SUPABASE_URL: "https://abc.supabase.co",
  SUPABASE_SERVICE_ROLE_KEY: "key",
  TELEGRAM_BOT_TOKEN: "123456:ABC-def_1",
  TELEGRAM_WEBHOOK_SECRET: "s3cret-s3cret",
  TELEGRAM_ADMIN_IDS: "1001,1002",
};

test("reads everything, with Telegram's own address by default", () => {
  expect(readSettings((name) => complete[name])).toEqual({
    supabaseUrl: "https://abc.supabase.co",
    serviceRoleKey: "key",
    token: "123456:ABC-def_1",
    username: undefined,
    webhookSecret: "s3cret-s3cret",
    adminIds: [1001, 1002],
    apiRoot: "https://api.telegram.org",
  });
});

test("names every variable that must be set", () => {
  const message = (() => {
    try {
      return readSettings(() => undefined);
    } catch (error) {
      return String(error);
    }
  })();
  for (const name of Object.keys(complete)) expect(message).toContain(`- ${name} is missing: `);
});
