// An LLM client between a provider that bills and a ledger in memory.
import OpenAI from "openai";
import type { Begun, CallEnd, CallStart, Recorded } from "../../../../functions/_shared/synthetic_work.ts";
import { type LlmClient, type LlmOptions, openLlm } from "../../../../functions/synthetic/llm/client.ts";
import type { Ledger } from "../../../../functions/synthetic/llm/ports.ts";
import { RecordingList } from "../../../_support/recordings.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";
import { createProvider, type Provider, type ProviderOptions } from "../../../_support/provider.ts";

export const BASE_URL = "https://llm.test/api/v1";
export const KEY = "sk-or-v1-0123456789abcdef0123456789abcdef";
export const MODEL = "openai/gpt-4o-mini";

/** Books as SQL's: what is reserved and spent never passes the cap. */
export class MemoryLedger implements Ledger {
  cap = 1_000_000_000;
  begun: CallStart[] = [];
  ends: CallEnd[] = [];
  /** By key and nth; of this scenario, and of others. */
  resumed = new Map<string, Recorded>();
  cached = new Map<string, Recorded>();
  peak = 0;
  waits = 0;
  readonly #reserved = new Map<number, number>();

  begin(call: CallStart): Promise<Begun> {
    this.begun.push(call);
    const resumed = this.resumed.get(`${call.key} ${call.nth}`);
    if (resumed) return Promise.resolve({ kind: "answer", from: "resumed", recorded: resumed });
    const cached = call.cache ? this.cached.get(call.key) : undefined;
    if (cached) return Promise.resolve({ kind: "answer", from: "cached", recorded: cached });
    const worst = call.worst_microusd ?? this.cap - this.spent - this.reserved;
    if (worst <= 0 || this.spent + worst > this.cap) return Promise.resolve({ kind: "refused", why: "cap_run" });
    if (this.spent + this.reserved + worst > this.cap) {
      this.waits++;
      return Promise.resolve({ kind: "wait" });
    }
    this.#reserved.set(this.begun.length, worst);
    this.peak = Math.max(this.peak, this.spent + this.reserved);
    return Promise.resolve({ kind: "go", call_id: this.begun.length });
  }

  settle(callId: number, end: CallEnd): Promise<void> {
    const reserved = this.#reserved.get(callId);
    if (reserved === undefined) return Promise.reject(new Error(`call ${callId} is not under way`));
    this.#reserved.delete(callId);
    this.ends.push(end);
    if (end.cost_microusd === null) this.unconfirmed += reserved;
    else this.confirmed += end.cost_microusd;
    return Promise.resolve();
  }

  confirmed = 0;
  unconfirmed = 0;

  get spent(): number {
    return this.confirmed + this.unconfirmed;
  }

  get reserved(): number {
    return [...this.#reserved.values()].reduce((sum, worst) => sum + worst, 0);
  }
}

export interface Opened {
  llm: LlmClient;
  ledger: MemoryLedger;
  recordings: RecordingList;
  provider: Provider;
  stop: AbortController;
  openai: OpenAI;
}

/** @param how `provider` may be one that is there already, or be told how it is to be made. */
export function open(
  options: Partial<LlmOptions> = {},
  how: { provider?: Provider; made?: ProviderOptions; ledger?: MemoryLedger; recorded?: readonly Recorded[] } = {},
): Opened {
  const provider = how.provider ?? createProvider({ apiKey: KEY, ...how.made });
  const ledger = how.ledger ?? new MemoryLedger();
  const recordings = new RecordingList(how.recorded);
  const stop = new AbortController();
  const llm = openLlm({
    mode: "live",
    provider: options.mode === "replay" ? null : { baseUrl: BASE_URL, apiKey: KEY },
    ledger,
    recordings,
    record: true,
    cache: false,
    models: {},
    prices: OPENAI_PRICES,
    signal: stop.signal,
    fetch: provider.fetch,
    ...options,
  });
  return { llm, ledger, recordings, provider, stop, openai: clientOf(llm) };
}

export const clientOf = ({ baseUrl, apiKey, fetch }: LlmClient) => new OpenAI({ baseURL: baseUrl, apiKey, fetch });

/** What a bot asks. */
export const ask = (content: string, more: object = {}) => ({
  model: MODEL,
  messages: [{ role: "user" as const, content }],
  max_tokens: 100,
  ...more,
});

/** Reads a stream as a bot does. */
export async function streamed(openai: OpenAI, content: string, more: object = {}, how: object = {}): Promise<string> {
  const asked = { ...ask(content, more), stream: true as const, stream_options: { include_usage: true } };
  const stream = await openai.chat.completions.create(asked, how);
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

export const said = async (openai: OpenAI, content: string, more: object = {}, how: object = {}) =>
  (await openai.chat.completions.create(ask(content, more), how)).choices[0]!.message.content;
