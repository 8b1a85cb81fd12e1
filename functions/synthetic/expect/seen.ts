/**
 * What was seen of the bot in a turn, or in the whole conversation: what expectations and custom checks are held against.
 *
 * @module
 */
import type { WireTrace } from "../../../tracer/wire.ts";
import type { CallRecord } from "../telegram/bot_api.ts";
import type { SeenCall } from "../llm/client.ts";
import type { Message } from "../telegram/types.ts";

export interface Seen {
  /** The bot's messages of the turn, oldest first, as they read at its end. */
  messages: Message[];
  /** Every call that the bot has made to Telegram. */
  calls: CallRecord[];
  /** Oldest first. */
  traces: WireTrace[];
  /** LLM calls, oldest first. Judges are not among them. */
  llm: SeenCall[];
  /** Until the bot has finished; of a replay, as it was recorded. */
  duration_ms: number;
  /** Null: of a call it is not known. */
  cost_microusd: number | null;
  tokens: number;
  /** The conversation so far, as a person reads it. */
  transcript: { from: "person" | "bot"; text: string }[];
}
