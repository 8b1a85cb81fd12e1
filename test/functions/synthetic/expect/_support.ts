/** What a bot might have shown, for expectations to be held against. */
import type { Held } from "../../../../functions/synthetic/expect/met.ts";
import type { Seen } from "../../../../functions/synthetic/expect/seen.ts";
import type { Message } from "../../../../functions/synthetic/telegram/types.ts";
import type { WireTrace } from "../../../../tracer/wire.ts";

export const aMessage = (over: Partial<Message>): Message => ({
  message_id: 2,
  from: { id: 7001, is_bot: true, first_name: "Bot" },
  chat: { id: 1001, type: "private" },
  date: 0,
  ...over,
});

export const aTrace = (names: string[], over: Partial<WireTrace> = {}): WireTrace => ({
  trace_id: "00000000-0000-7000-8000-000000000001",
  started_at: 0,
  pipeline: "support",
  status: "ok",
  duration_ms: 10,
  steps: names.map((name, i) => ({ name, status: "ok", offset_ms: i, duration_ms: 100 * (i + 1) })),
  ...over,
});

export function held(last: Partial<Message> | undefined, over: Partial<Seen> = {}, live = true): Held {
  const message = last && aMessage(last);
  return {
    seen: {
      messages: message ? [message] : [],
      calls: [],
      traces: [],
      llm: [],
      duration_ms: 0,
      cost_microusd: 0,
      tokens: 0,
      transcript: [],
      ...over,
    },
    last: message,
    live,
  };
}
