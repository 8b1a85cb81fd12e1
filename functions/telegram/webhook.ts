/**
 * POST /functions/v1/telegram: one update from Telegram.
 *
 * 200 ends an update; on anything else Telegram delivers it again, later and later, for up to a day. So a claim in the
 * database decides who handles it, and what cannot succeed is ended with 200.
 *
 * @module
 */
import type { Update } from "telegraf/types";
import { readJson } from "../_shared/body.ts";
import type { Db } from "../_shared/db.ts";
import { sameSecret } from "../_shared/secret.ts";
import { type Bot, partiesOf } from "./bot.ts";
import { describe, type Log } from "./log.ts";

const MAX_BODY_BYTES = 1024 * 1024;
/** Senders remembered, so that each is logged once by an isolate, and a crowd of them fills neither log nor memory. */
const MAX_LOGGED_SENDERS = 1000;

export interface WebhookDeps {
  /** What `setWebhook` was given as `secret_token`. */
  secret: string;
  db: Pick<Db, "claimUpdate" | "finishUpdate">;
  bot: Bot;
  log: Log;
}

export function createWebhook(deps: WebhookDeps): (req: Request) => Promise<Response> {
  const { secret, db, bot, log } = deps;
  const logged = new Set<number>();

  return async function webhook(req) {
    if (req.method !== "POST") return answer(405, "method_not_allowed");
    const given = req.headers.get("x-telegram-bot-api-secret-token") ?? "";
    if (!await sameSecret(given, secret)) return answer(401, "wrong_secret");

    const body = await readJson(req, MAX_BODY_BYTES);
    if (!body.ok) return answer(body.status, body.code);
    if (!isUpdate(body.value)) return answer(400, "not_an_update");
    const update = body.value;

    if (!bot.admits(update)) {
      logStranger(update);
      return answer(200, "ignored");
    }
    return await handleOnce(update);
  };

  async function handleOnce(update: Update): Promise<Response> {
    const id = update.update_id;
    try {
      const claim = await db.claimUpdate(id);
      if (claim === "done") return answer(200, "done");
      if (claim === "busy") return answer(503, "busy");
    } catch (error) {
      // Screens only read, so handling one twice harms nobody; and an admin must hear that the database is away.
      log({ level: "warn", event: "claim_failed", update_id: id, ...describe(error) });
      const { handled } = await bot.handle(update);
      return handled ? answer(200, "handled_unclaimed") : answer(503, "database_away");
    }

    const { handled, responses } = await bot.handle(update);
    try {
      await db.finishUpdate(id, handled, responses);
    } catch (error) {
      // A handled update is ended by the 200 all the same; the claim of a failed one runs out by itself.
      log({ level: "warn", event: "finish_failed", update_id: id, handled, ...describe(error) });
    }
    return handled ? answer(200, "handled") : answer(500, "failed");
  }

  function logStranger(update: Update): void {
    const { from, chat } = partiesOf(update);
    const user_id = from?.id ?? 0;
    if (logged.has(user_id) || logged.size >= MAX_LOGGED_SENDERS) return;
    logged.add(user_id);
    log({ level: "info", event: "update_ignored", user_id, chat_type: chat?.type ?? null });
  }
}

/** Telegram reads the status alone; the code is for people. */
const answer = (status: number, code: string): Response => Response.json({ code }, { status });

function isUpdate(value: unknown): value is Update {
  return typeof value === "object" && value !== null && "update_id" in value && Number.isSafeInteger(value.update_id);
}
