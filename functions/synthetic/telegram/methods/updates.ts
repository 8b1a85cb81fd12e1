/**
 * The two ways to get updates: `getUpdates` and the webhook methods. A bot uses one at a time.
 *
 * @module
 */
import { badRequest, conflict } from "../errors.ts";
import { flag, integer, json, text } from "../params.ts";
import { type Call, type Method, seconds } from "../world.ts";
import { checkWebhookUrl } from "../webhook_url.ts";

const MAX_POLL_S = 50;
const MAX_UPDATE_ID = 2 ** 31 - 1;
const DEFAULT_CONNECTIONS = 40;

export const getUpdates: Method = ({ world, bot, params, signal }) => {
  if (world.webhooks.has(bot)) {
    throw conflict(
      "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    );
  }
  allowUpdates({ bot, params });
  return world.polling.poll(bot, {
    offset: integer(params, "offset", 0, -MAX_UPDATE_ID, MAX_UPDATE_ID),
    limit: integer(params, "limit", 100, 1, 100),
    timeoutMs: integer(params, "timeout", 0, 0, MAX_POLL_S) * 1000,
    signal,
  });
};

export const setWebhook: Method = ({ world, bot, params }) => {
  const url = text(params, "url");
  const secretToken = text(params, "secret_token");
  if (url !== "") checkWebhookUrl(url);
  if (secretToken.length > 256) throw badRequest("secret token is too long");
  if (!/^[\w-]*$/.test(secretToken)) throw badRequest("secret token contains unallowed characters");
  allowUpdates({ bot, params });
  removeWebhook({ world, bot, params });
  if (url === "") return true;

  world.polling.end(bot, "terminated by setWebhook request");
  const maxConnections = integer(params, "max_connections", DEFAULT_CONNECTIONS, 1, 100);
  world.webhooks.set(bot, world.openWebhook(bot, { url, secretToken, maxConnections }));
  return true;
};

export const deleteWebhook: Method = ({ world, bot, params }) => {
  removeWebhook({ world, bot, params });
  return true;
};

export const getWebhookInfo: Method = ({ world, bot }) => {
  const webhook = world.webhooks.get(bot);
  const error = webhook?.lastError;
  return {
    url: webhook?.settings.url ?? "",
    has_custom_certificate: false,
    pending_update_count: bot.updates.pending.length,
    ...(error && { last_error_date: seconds(error.at), last_error_message: error.message }),
    ...(webhook && { max_connections: webhook.settings.maxConnections }),
    ...(bot.updates.allowed.length > 0 && { allowed_updates: bot.updates.allowed }),
  };
};

function removeWebhook({ world, bot, params }: Omit<Call, "signal">): void {
  world.webhooks.get(bot)?.close();
  world.webhooks.delete(bot);
  if (flag(params, "drop_pending_updates")) bot.updates.pending.length = 0;
}

/** What is not given stays as it was. */
function allowUpdates({ bot, params }: Pick<Call, "bot" | "params">): void {
  bot.updates.allow(json(params, "allowed_updates", "can't parse allowed updates JSON object"));
}
