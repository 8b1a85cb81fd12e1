/** Environment in, handler out: the whole telegram function but for what only Deno has. */
import { createDb } from "../_shared/db.ts";
import type { GetEnv } from "../_shared/env.ts";
import { createBot } from "./bot.ts";
import { logLine } from "./log.ts";
import { readSettings } from "./settings.ts";
import { createWebhook } from "./webhook.ts";

/** @throws {EnvError} */
export function createApp(get: GetEnv): (req: Request) => Promise<Response> {
  const { supabaseUrl, serviceRoleKey, webhookSecret, ...settings } = readSettings(get);
  const db = createDb(supabaseUrl, serviceRoleKey);
  const shared = { ...settings, db, log: logLine, now: () => new Date() };
  const bot = createBot({ ...shared, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) });
  return createWebhook({ ...shared, secret: webhookSecret, bot });
}
