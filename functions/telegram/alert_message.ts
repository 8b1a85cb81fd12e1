/**
 * Telling one chat of an alert: its message is edited, or sent where there is none.
 *
 * @module
 */
import { TelegramError } from "telegraf";
import type { AlertClaims, AlertOutcome } from "../_shared/db.ts";
import type { CallDeps } from "./calls.ts";
import { textForm } from "./form.ts";
import { describe } from "./log.ts";
import type { Screen } from "./render/screen.ts";
import { replace } from "./send.ts";

export type Told = Pick<AlertOutcome, "outcome" | "message_id" | "error" | "retry_after">;

/** Never throws. */
export async function tellChat(
  deps: Omit<CallDeps, "rateLimited">,
  { chat_id, message_id }: AlertClaims["claims"][number],
  screen: Screen,
): Promise<Told> {
  /** The longest wait that Telegram asked for. */
  const seen: { retry_after?: number } = {};
  const rateLimited = (s: number) => void (seen.retry_after = Math.max(seen.retry_after ?? 0, s));
  const target = { chat_id, ...(message_id !== null && { message_id }) };
  try {
    const shown = await replace({ ...deps, rateLimited }, target, textForm(screen));
    return { outcome: "shown", message_id: shown.message_id, ...seen };
  } catch (error) {
    const { error: reason } = describe(error);
    return { outcome: isFinal(error) ? "unreachable" : "later", error: reason, ...seen };
  }
}

/**
 * Whether the same call would be refused for as long as it matters: the bot was blocked, or never started, or is not in the
 * group any more; or what we send is wrong. A wrong token is put right by a deployment.
 */
const isFinal = (error: unknown): boolean => error instanceof TelegramError && [400, 403].includes(error.code);
