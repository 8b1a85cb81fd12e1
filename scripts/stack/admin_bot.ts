/**
 * The admin bot on the local stack: its settings, what its function is told, and its webhook.
 *
 * @module
 */
import { createDb } from "../../functions/_shared/db.ts";
import { EnvError } from "../../functions/_shared/env.ts";
import { alertSecret } from "../../functions/_shared/secret.ts";
import { readSettings, type Settings as FunctionSettings } from "../../functions/telegram/settings.ts";
import { Failure } from "./failure.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import type { StackInfo } from "./stack.ts";

/** The person who reads the bot's health on the local Telegram. */
export const LOCAL_ADMIN = { id: 1001, first_name: "Ada", username: "ada_admin" };

const LOCAL_USERNAME = "tracegram_admin_bot";

/**
 * The admin bot's settings, local ones where there are none.
 *
 * @throws {Failure} when a setting is not right, with the words of the function that would refuse to work with it.
 */
export function adminBot(env: Settings, secrets: Secrets): FunctionSettings & { username: string } {
  const values: Record<string, string | undefined> = {
    SUPABASE_URL: "http://127.0.0.1",
    SUPABASE_SERVICE_ROLE_KEY: secrets.service_role_key,
    TELEGRAM_BOT_TOKEN: secrets.admin_bot_token,
    TELEGRAM_WEBHOOK_SECRET: secrets.webhook_secret,
    TELEGRAM_ADMIN_IDS: String(LOCAL_ADMIN.id),
    ...env,
  };
  try {
    const settings = readSettings((name) => values[name]);
    return { ...settings, username: settings.username ?? LOCAL_USERNAME };
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    throw new Failure(
      `Settings that are not right:\n- ${error.problems.join("\n- ")}`,
      "Correct them in the environment or in .env.",
    );
  }
}

/** What the synthetic function takes, as it is set. */
const OF_TESTS = ["OPENROUTER_API_KEY", "OPENROUTER_BASE_URL", "SYNTHETIC_SLICE_SECONDS"] as const;

/** What hosted Supabase gives every function, and the product's own settings (`.env.example`). */
export function functionEnv(info: StackInfo, env: Settings): Record<string, string> {
  return {
    ...Object.fromEntries(OF_TESTS.flatMap((name) => env[name] ? [[name, env[name]]] : [])),
    SUPABASE_URL: info.api_url,
    SUPABASE_ANON_KEY: info.anon_key,
    SUPABASE_SERVICE_ROLE_KEY: info.service_role_key,
    SUPABASE_DB_URL: info.db_url,
    TELEGRAM_API_ROOT: info.telegram_api_root,
    TELEGRAM_BOT_TOKEN: info.telegram_bot_token,
    TELEGRAM_BOT_USERNAME: info.telegram_bot_username,
    TELEGRAM_WEBHOOK_SECRET: info.webhook_secret,
    TELEGRAM_ADMIN_IDS: info.telegram_admin_ids.join(","),
  };
}

/** Has the database post alerts to the telegram function, as a deployment does. */
export async function setAlertUrl({ api_url, service_role_key, webhook_secret, functions }: StackInfo): Promise<void> {
  await createDb(api_url, service_role_key).changeSettings({
    alert_url: functions["telegram"]!,
    alert_secret: await alertSecret(webhook_secret),
  });
}

export async function setWebhook(info: StackInfo): Promise<void> {
  const answer = await fetch(`${info.telegram_api_root}/bot${info.telegram_bot_token}/setWebhook`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      url: info.functions["telegram"],
      secret_token: info.webhook_secret,
      allowed_updates: ["message", "callback_query"],
    }),
  });
  if (!answer.ok) throw new Error(`setWebhook failed: ${await answer.text()}`);
}
