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
import type { Db, UpdateClaim, UpdateHead } from "../_shared/db.ts";
import { sameSecret } from "../_shared/secret.ts";
import type { Admission, Bot, Handling } from "./bot.ts";
import { headOf, type HeadOptions } from "./head.ts";
import { describe, type Log } from "./log.ts";
import type { Refusals } from "./refusals.ts";
import { createStrangers } from "./strangers.ts";

const MAX_BODY_BYTES = 1024 * 1024;
/** How often, and how many milliseconds apart, a database that was away is told what became of an update. */
const LATE_TRIES = 4;
const LATE_EVERY_MS = 3000;

export interface WebhookDeps extends HeadOptions {
  /** What `setWebhook` was given as `secret_token`. */
  secret: string;
  db: Pick<Db, "claimUpdate" | "finishUpdate">;
  bot: Bot;
  refusals: Refusals;
  log: Log;
  now: () => Date;
  sleep: (ms: number) => Promise<void>;
  /** Keeps the function running until `work`, which never rejects, has ended. */
  background: (work: Promise<void>) => void;
}

export function createWebhook(deps: WebhookDeps): (req: Request) => Promise<Response> {
  const { secret, db, bot, log, refusals, background, sleep } = deps;
  const strangers = createStrangers(deps);

  return async function webhook(req) {
    if (req.method !== "POST") return answer(405, "method_not_allowed");
    const given = req.headers.get("x-telegram-bot-api-secret-token") ?? "";
    if (!await sameSecret(given, secret)) {
      await refusals.count("wrong_secret");
      return answer(401, "wrong_secret");
    }
    const body = await readJson(req, MAX_BODY_BYTES);
    if (!body.ok || !isUpdate(body.value)) {
      await refusals.count("not_an_update");
      return body.ok ? answer(400, "not_an_update") : answer(body.status, body.code);
    }
    const update = body.value;

    const head = headOf(update, deps);
    if (head === "ignored") return answer(200, "ignored");
    if (head === "not_an_update") {
      await refusals.count("not_an_update");
      return answer(400, "not_an_update");
    }
    if (head === "forged") {
      await refusals.count("forged_data");
      return answer(200, "ignored");
    }
    if (strangers.isKnown(head)) {
      await refusals.count("stranger");
      return answer(200, "ignored");
    }
    return await handleOnce(update, head);
  };

  async function handleOnce(update: Update, head: UpdateHead): Promise<Response> {
    const id = head.update_id;
    const counts = refusals.take();
    let claim: UpdateClaim;
    try {
      claim = await db.claimUpdate(head, counts);
    } catch (error) {
      refusals.back(counts);
      log({ level: "warn", event: "claim_failed", update_id: id, ...describe(error) });
      return await handleUnclaimed(update, head, error);
    }
    if (claim.claim !== "claimed") {
      if (claim.claim === "refused") strangers.note(head);
      return answer(claim.claim === "busy" ? 503 : 200, claim.claim);
    }
    const handling = await bot.handle(update, claim);
    if (handling.later) {
      background(handling.later.then((ended) => finish(id, ended)));
      return answer(200, "begun");
    }
    await finish(id, handling);
    return handling.handled ? answer(200, "handled") : answer(500, "failed");
  }

  /** A claim that we were not told of may be made yet, when a database that hung goes on: it would hold the lane for a minute. */
  async function endLate(id: number, { handled }: Handling): Promise<void> {
    for (let left = LATE_TRIES; left > 0; left--) {
      try {
        return await db.finishUpdate(id, handled, { responses: [], richRefused: false });
      } catch {
        if (left > 1) await sleep(LATE_EVERY_MS);
      }
    }
  }

  async function finish(id: number, { handled, responses, richRefused }: Handling): Promise<void> {
    try {
      await db.finishUpdate(id, handled, { responses, richRefused });
    } catch (error) {
      // A handled update is ended by the 200 all the same; the claim of a failed one runs out by itself.
      log({ level: "warn", event: "finish_failed", update_id: id, handled, ...describe(error) });
    }
  }

  /** Screens only read, so showing one twice harms nobody; and an owner must hear that the database is away. */
  async function handleUnclaimed(update: Update, head: UpdateHead, unclaimed: unknown): Promise<Response> {
    // Who else may ask is known to the database alone.
    if (!head.bootstrap || head.chat_type !== "private") return answer(503, "database_away");
    const admission: Admission = { role: "owner", lane: "yours", rich: false, unclaimed };
    const handling = await bot.handle(update, admission);
    background(endLate(update.update_id, handling));
    const { handled } = handling;
    return handled ? answer(200, "handled_unclaimed") : answer(503, "database_away");
  }
}

/** Telegram reads the status alone; the code is for people. */
const answer = (status: number, code: string): Response => Response.json({ code }, { status });

function isUpdate(value: unknown): value is Update {
  return typeof value === "object" && value !== null && "update_id" in value && Number.isSafeInteger(value.update_id);
}
