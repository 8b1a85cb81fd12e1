// An LLM client between a provider that bills and a ledger.
import OpenAI from "openai";
import type { Begun, CallEnd, CallStart, Recorded, Taken } from "../../../../functions/_shared/synthetic_work.ts";
import { type LlmClient, type LlmOptions, openLlm } from "../../../../functions/synthetic/llm/client.ts";
import type { Ledger } from "../../../../functions/synthetic/llm/ports.ts";
import { RecordingList } from "../../../_support/recordings.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";
import type { RunKey } from "../../../../functions/_shared/synthetic_db.ts";
import { sqlStore, type SqlStoreOptions } from "../../../../functions/synthetic/suite/sql_store.ts";
import type { RunStack } from "../../../_support/run_stack.ts";
import { entry, givenRun, givenTaken } from "../../../_support/synthetic.ts";
import { createProvider, type Provider, type ProviderOptions } from "../../../_support/provider.ts";

export const BASE_URL = "https://llm.test/api/v1";
export const KEY = "sk-or-v1-0123456789abcdef0123456789abcdef";
export const MODEL = "openai/gpt-4o-mini";

/** Grants all, as the ledger of a run that is rich enough. */
function generous(): Ledger {
  let calls = 0;
  return { begin: () => Promise.resolve({ kind: "go", call_id: ++calls }), settle: () => Promise.resolve() };
}

/** Notes what a ledger is told, and answers as it does. */
export class NotedLedger implements Ledger {
  readonly begun: CallStart[] = [];
  readonly ends: CallEnd[] = [];
  waits = 0;
  readonly #ledger: Ledger;

  constructor(ledger: Ledger = generous()) {
    this.#ledger = ledger;
  }

  async begin(call: CallStart): Promise<Begun> {
    this.begun.push(call);
    const begun = await this.#ledger.begin(call);
    if (begun.kind === "wait") this.waits++;
    return begun;
  }

  async settle(callId: number, end: CallEnd): Promise<void> {
    await this.#ledger.settle(callId, end);
    this.ends.push(end);
  }

  get confirmed(): number {
    return this.ends.reduce((sum, { cost_microusd }) => sum + (cost_microusd ?? 0), 0);
  }
}

/** The ledger of a scenario of a run, in the database. */
export const ledgerOf = (on: RunStack, run: RunKey, it: Taken, more: Partial<SqlStoreOptions> = {}): NotedLedger =>
  new NotedLedger(
    sqlStore({ db: on.db, run, worker: "w", signal: new AbortController().signal, ...more }).ledger(it),
  );

/** Of a run with a scenario that may spend so much. */
export async function givenLedger(on: RunStack, ceiling = 1_000_000, more?: Partial<SqlStoreOptions>) {
  await on.sql.register([entry("a")]);
  const run = await givenRun(on.sql, { ceiling, at: Date.now() });
  return { run, ledger: ledgerOf(on, run, await givenTaken(on.sql, run, "w", Date.now()), more) };
}

/** What the database has of a run's money. */
export async function booksOf(on: RunStack, { run_id }: RunKey) {
  const { spent_microusd, unconfirmed_microusd, ...run } = (await on.db.getRun(run_id))!;
  return {
    state: run.state,
    confirmed: spent_microusd - unconfirmed_microusd,
    unconfirmed: unconfirmed_microusd,
    reserved: run.reserved_microusd,
    excess: run.excess_microusd,
  };
}

export interface Opened {
  llm: LlmClient;
  ledger: NotedLedger;
  recordings: RecordingList;
  provider: Provider;
  stop: AbortController;
  openai: OpenAI;
}

/** @param how `provider` may be one that is there already, or be told how it is to be made. */
export function open(
  options: Partial<LlmOptions> = {},
  how: { provider?: Provider; made?: ProviderOptions; ledger?: NotedLedger; recorded?: readonly Recorded[] } = {},
): Opened {
  const provider = how.provider ?? createProvider({ apiKey: KEY, ...how.made });
  const ledger = how.ledger ?? new NotedLedger();
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
