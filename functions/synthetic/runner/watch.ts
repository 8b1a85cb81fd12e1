/**
 * Collects what is seen of a bot, turn by turn.
 *
 * @module
 */
import type { WireTrace } from "../../../tracer/wire.ts";
import type { Held } from "../expect/met.ts";
import type { Seen } from "../expect/seen.ts";
import { shownOf, toastsOf } from "../expect/words.ts";
import type { CallRecord } from "../telegram/bot_api.ts";
import type { Message } from "../telegram/types.ts";
import type { Stage } from "./stage.ts";

export interface Watch {
  /** The person has done something. */
  began(shown: string): void;
  /** The turn is over. */
  ended(durationMs: number): Held;
  /** The whole conversation. */
  whole(): Held;
  /** LLM calls of a judge come next, until it is called again. */
  judging(judging: boolean): void;
}

export function openWatch({ telegram: { client }, chat, traces, llm, live }: Stage): Watch {
  const transcript: Seen["transcript"] = [];
  const judges = new Set<object>();
  let durationMs = 0;
  /** What there was when the turn began. */
  let start = { messages: new Map<number, string>(), calls: 0, traces: 0, llm: 0 };
  let judgedFrom = 0;

  // What the runner itself asks for is none of the bot's.
  const calls = (): CallRecord[] => client.records.calls.filter(({ method }) => method !== "getUpdates");
  const said = () => client.chat(chat).messages.filter(({ from }) => from.is_bot);
  const allTraces = () => live ? [...traces.ended] : traces.ended.map(timeless);

  function held(messages: Message[], from: typeof start, duration_ms: number): Held {
    const called = llm.calls.slice(from.llm).filter((call) => !judges.has(call));
    const costs = called.map(({ cost_microusd }) => cost_microusd);
    const seen: Seen = {
      messages,
      calls: calls().slice(from.calls),
      traces: allTraces().slice(from.traces),
      llm: called,
      duration_ms,
      cost_microusd: costs.some((cost) => cost === null) ? null : costs.reduce((sum: number, cost) => sum + cost!, 0),
      tokens: called.reduce((sum, { input_tokens, output_tokens }) => sum + input_tokens + output_tokens, 0),
      transcript: [...transcript],
    };
    return { seen, last: messages.at(-1), live };
  }

  return {
    began(shown) {
      transcript.push({ from: "person", text: shown });
      start = {
        messages: new Map(said().map((message) => [message.message_id, JSON.stringify(message)])),
        calls: calls().length,
        traces: traces.ended.length,
        llm: llm.calls.length,
      };
    },
    ended(ms) {
      durationMs += ms;
      const fresh = said().filter((message) => start.messages.get(message.message_id) !== JSON.stringify(message));
      for (const text of toastsOf(calls().slice(start.calls))) {
        transcript.push({ from: "bot", text: `[toast] ${text}` });
      }
      for (const message of fresh) transcript.push({ from: "bot", text: shownOf(message) });
      return held(fresh.map(plain), start, ms);
    },
    whole: () => held(said().map(plain), { messages: new Map(), calls: 0, traces: 0, llm: 0 }, durationMs),
    judging(judging) {
      if (judging) judgedFrom = llm.calls.length;
      else for (const call of llm.calls.slice(judgedFrom)) judges.add(call);
    },
  };
}

const plain = ({ edit_count: _, ...message }: Message & { edit_count: number }): Message => message;

/** Of a replay: without what is different each time. */
function timeless(trace: WireTrace, i: number): WireTrace {
  return {
    ...trace,
    trace_id: `00000000-0000-7000-8000-${String(i + 1).padStart(12, "0")}`,
    started_at: 0,
    ...(trace.duration_ms !== undefined && { duration_ms: 0 }),
    steps: trace.steps.map((step) => ({ ...step, offset_ms: 0, ...("duration_ms" in step && { duration_ms: 0 }) })),
  };
}
