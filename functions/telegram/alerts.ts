/**
 * An event of an alert, posted by the database (sql/84_deliver_alerts.sql).
 *
 * What is posted only says that there is something to tell. What to tell, and to whom, is read from the database, which also
 * keeps what was told to whom: an event that comes twice, or to two isolates at once, is told once. Anything but 2xx has the
 * database post it again, so that Telegram's rate limit or an outage delays what there is to tell, and loses nothing.
 *
 * @module
 */
import type { AlertClaims, AlertOutcome, Db } from "../_shared/db.ts";
import { tellChat } from "./alert_message.ts";
import type { CallDeps } from "./calls.ts";
import { answer } from "./events.ts";
import { describe } from "./log.ts";
import { renderAlertMessage } from "./render/alert.ts";

/** The database waits for 25 s. A chat that is not begun by half of this is told with the next delivery. */
const TIME_MS = 20_000;
/** Chats that are told at the same time. */
const LANES = 4;

/** Longest `retry_after` that is waited for here, in seconds; for a longer one the database waits. */
const MAX_RETRY_AFTER_S = 3;

export interface AlertsDeps extends Pick<CallDeps, "api" | "log" | "sleep"> {
  /** Owners whom the environment names. */
  owners: readonly number[];
  db: Pick<Db, "claimAlertMessages" | "finishAlertMessage">;
}

export function createAlerts(deps: AlertsDeps): (eventId: number) => Promise<Response> {
  const { db, log } = deps;

  return async function tell(eventId) {
    try {
      const claims = await db.claimAlertMessages(eventId, deps.owners);
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
