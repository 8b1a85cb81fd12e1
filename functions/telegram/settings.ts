/** What the telegram function reads from its environment. */
import { type GetEnv, readEnv } from "../_shared/env.ts";

export interface Settings {
  supabaseUrl: string;
  serviceRoleKey: string;
  token: string;
  username: string | undefined;
  webhookSecret: string;
  adminIds: number[];
  apiRoot: string;
}

/** @throws {EnvError} */
export function readSettings(get: GetEnv): Settings {
  return readEnv(get, (env) => ({
    supabaseUrl: env.url("SUPABASE_URL"),
    serviceRoleKey: env.text("SUPABASE_SERVICE_ROLE_KEY"),
    token: env.text("TELEGRAM_BOT_TOKEN", {
      pattern: /^\d+:[\w-]+$/,
      form: "a bot token as BotFather gives it, such as 123456:ABC-DEF",
    }),
    username: env.optional("TELEGRAM_BOT_USERNAME")?.replace(/^@/, ""),
    webhookSecret: env.text("TELEGRAM_WEBHOOK_SECRET", {
      pattern: /^[\w-]{1,256}$/,
      form: "1 to 256 of the characters A-Z, a-z, 0-9, _ and -, as given to setWebhook",
    }),
    adminIds: env.ids("TELEGRAM_ADMIN_IDS"),
    apiRoot: env.url("TELEGRAM_API_ROOT", "https://api.telegram.org"),
  }));
}
