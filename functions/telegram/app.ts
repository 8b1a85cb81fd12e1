/** Environment in, handler out: the whole telegram function but for what only Deno has. */
import { createDb } from "../_shared/db.ts";
import type { GetEnv } from "../_shared/env.ts";
import { createAlerts, isAlert } from "./alerts.ts";
import { createBot } from "./bot.ts";
import { createBotCall } from "./bot_api.ts";
import { logLine } from "./log.ts";
import { createRefusals } from "./refusals.ts";
import { readSettings } from "./settings.ts";
import { createWebhook } from "./webhook.ts";

/** @param background Keeps the function running until `work` has ended. @throws {EnvError} */
export function createApp(
  get: GetEnv,
  background: (work: Promise<void>) => void = () => {},
): (req: Request) => Promise<Response> {
  const { supabaseUrl, serviceRoleKey, webhookSecret, ...settings } = readSettings(get);
  const db = createDb(supabaseUrl, serviceRoleKey);
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const shared = { ...settings, db, log: logLine, now: () => new Date(), sleep, api: createBotCall(settings) };
  const refusals = createRefusals(shared);
  const webhook = createWebhook({ ...shared, secret: webhookSecret, bot: createBot(shared), refusals, background });
  const alerts = createAlerts({
    ...shared,
    webhookSecret,
    owners: settings.adminIds,
    refused: () => void refusals.count("wrong_secret"),
  });
  return (req) => isAlert(req) ? alerts(req) : webhook(req);
}
