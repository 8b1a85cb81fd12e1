/** Environment in, handler out: the whole telegram function but for what only Deno has. */
import { createDb } from "../_shared/db.ts";
import type { GetEnv } from "../_shared/env.ts";
import { createAlerts } from "./alerts.ts";
import { createBot } from "./bot.ts";
import { createBotCall } from "./bot_api.ts";
import { createEvents, isEvent } from "./events.ts";
import { logLine } from "./log.ts";
import { createRefusals } from "./refusals.ts";
import { createRunner } from "./runner.ts";
import { createRuns } from "./runs.ts";
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
  const runner = createRunner({ supabaseUrl, log: logLine });
  const shared = { ...settings, db, runner, log: logLine, now: () => new Date(), sleep, api: createBotCall(settings) };
  const tellRun = createRuns({ ...shared, background });
  const refusals = createRefusals(shared);
  const webhook = createWebhook({
    ...shared,
    secret: webhookSecret,
    bot: createBot({ ...shared, tellRun }),
    refusals,
    background,
  });
  const events = createEvents({
    webhookSecret,
    tellAlert: createAlerts({ ...shared, owners: settings.adminIds }),
    tellRun,
    refused: () => void refusals.count("wrong_secret"),
  });
  return (req) => isEvent(req) ? events(req) : webhook(req);
}
