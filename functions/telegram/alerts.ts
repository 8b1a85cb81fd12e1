/**
 * POST /functions/v1/telegram with `x-tracegram-secret`: an event of an alert, from the database (sql/84_deliver_alerts.sql).
 *
 * What is posted only says that there is something to tell. What to tell, and to whom, is read from the database, which also
 * keeps what was told to whom: an event that comes twice, or to two isolates at once, is told once. Anything but 2xx has the
 * database post it again, so that Telegram's rate limit or an outage delays what there is to tell, and loses nothing.
 *
 * @module
 */
import { readJson } from "../_shared/body.ts";
import type { AlertClaims, AlertOutcome, Db } from "../_shared/db.ts";
import { alertSecret, sameSecret } from "../_shared/secret.ts";
import { tellChat } from "./alert_message.ts";
import type { CallDeps } from "./calls.ts";
import { describe } from "./log.ts";
import { renderAlertMessage } from "./render/alert.ts";

const MAX_BODY_BYTES = 64 * 1024;
/** The database waits for 25 s. A chat that is not begun by half of this is told with the next delivery. */
const TIME_MS = 20_000;
/** Chats that are told at the same time. */
const LANES = 4;

/** Longest `retry_after` that is waited for here, in seconds; for a longer one the database waits. */
const MAX_RETRY_AFTER_S = 3;

export interface AlertsDeps extends Pick<CallDeps, "api" | "log" | "sleep"> {
  /** What `setWebhook` was given; the header carries {@link alertSecret} of it. */
  webhookSecret: string;
  /** Owners whom the environment names. */
  owners: readonly number[];
  db: Pick<Db, "claimAlertMessages" | "finishAlertMessage">;
  /** Told of each request that does not know the secret. */
  refused: () => void | Promise<void>;
}

/** Whether a request is one of the database's. */
export const isAlert = (req: Request): boolean => req.headers.has("x-tracegram-secret");

export function createAlerts(deps: AlertsDeps): (req: Request) => Promise<Response> {
  const { db, log } = deps;
  const secret = alertSecret(deps.webhookSecret);

  return async function alerts(req) {
    if (req.method !== "POST") return answer(405, "method_not_allowed");
    if (!await sameSecret(req.headers.get("x-tracegram-secret") ?? "", await secret)) {
      await deps.refused();
      return answer(401, "wrong_secret");
    }
    const body = await readJson(req, MAX_BODY_BYTES);
    if (!body.ok) return answer(body.status, body.code);
    const eventId = (body.value as { event_id?: unknown } | null)?.event_id;
    if (!Number.isSafeInteger(eventId)) return answer(400, "not_an_alert");

    try {
      const claims = await db.claimAlertMessages(eventId as number, deps.owners);
      return claims === null ? answer(200, "gone") : await tellAll(claims);
    } catch (error) {
      log({ level: "warn", event: "alert_failed", event_id: eventId, ...describe(error) });
      return answer(503, "database_away");
    }
  };

  async function tellAll({ alert, revision, claims, held }: AlertClaims): Promise<Response> {
    const deadline = performance.now() + TIME_MS;
    const left = () => deadline - performance.now();
    const sending = { ...deps, left, maxRetryAfterS: MAX_RETRY_AFTER_S };
    const screen = renderAlertMessage(alert);
    const waiting = [...claims];
    const outcomes: AlertOutcome[] = [];
    async function lane(): Promise<void> {
      for (let claim = waiting.shift(); claim; claim = waiting.shift()) {
        const told = left() < TIME_MS / 2
          ? { outcome: "later" as const, error: "no time left" }
          : await tellChat(sending, claim, screen);
        const outcome = {
          alert_id: alert.alert_id,
          chat_id: claim.chat_id,
          revision,
          characters: screen.chars,
          ...told,
        };
        outcomes.push(outcome);
        await finish(outcome);
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane));
    return summary(outcomes, held);
  }

  /** What is not recorded is told again: rather try twice. */
  async function finish(outcome: AlertOutcome): Promise<void> {
    const level = outcome.outcome === "shown" ? "info" : "warn";
    log({ level, event: "alert_told", ...outcome });
    await db.finishAlertMessage(outcome).catch(() => db.finishAlertMessage(outcome)).catch((error: unknown) => {
      log({ level: "warn", event: "alert_not_recorded", chat_id: outcome.chat_id, ...describe(error) });
    });
  }
}

function summary(outcomes: readonly AlertOutcome[], held: number): Response {
  const later = outcomes.filter(({ outcome }) => outcome === "later");
  if (later.length === 0) return held > 0 ? answer(503, "busy") : answer(200, "told");
  const wait = Math.max(0, ...later.map(({ retry_after }) => retry_after ?? 0));
  return wait > 0 ? answer(429, "telegram_429", { "retry-after": String(wait) }) : answer(503, "telegram_away");
}

/** The database reads the status and Retry-After; the code is for people. */
const answer = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  Response.json({ code }, { status, headers });
