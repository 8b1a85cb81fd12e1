/**
 * The LLM client of one scenario: a `fetch` that pays by the ledger, records and replays.
 *
 * @module
 */
import type { SyntheticMode } from "../../_shared/synthetic_answers.ts";
import type { Failure } from "../../_shared/synthetic_work.ts";
import type { PriceTable } from "../../../tracer/prices.ts";
import type { Provider } from "../define.ts";
import type { Models } from "../scenario.ts";
import { Llm } from "./llm.ts";
import type { Ledger, Recordings } from "./ports.ts";

export interface LlmOptions {
  mode: SyntheticMode;
  /** Null in a replay. */
  provider: Provider | null;
  ledger: Ledger;
  recordings: Recordings;
  /** Whether live calls are added to the recordings. */
  record: boolean;
  /** Whether equal requests may be answered from another scenario's answer. */
  cache: boolean;
  models: Models;
  prices: PriceTable;
  /** Aborts paid calls at once, and refuses new ones. */
  signal: AbortSignal;
  /** Of a replay: told how long each recorded call took. Its answer comes at once. */
  advance?: (ms: number) => void;
  /** Told when a call waits for the books, and by what it returns when it has waited. */
  hold?: () => () => void;
  /** The real `fetch` of a live run. @default the global one */
  fetch?: typeof fetch;
}

export interface LlmTotals {
  calls: number;
  input_tokens: number;
  output_tokens: number;
  /** Null: of a call it is not known. */
  cost_microusd: number | null;
  saved_microusd: number;
}

export interface SeenCall {
  model: string;
  input_tokens: number;
  output_tokens: number;
  cost_microusd: number | null;
  /** The answer's text. */
  response: string;
  /** False: the bot has left the answer before its end, and `response` is what it can have read. It was paid for all the same. */
  whole: boolean;
}

export interface LlmClient {
  baseUrl: string;
  apiKey: string;
  fetch: typeof fetch;
  /** For the judge, whose model only another that is named for it takes the place of. */
  judgeFetch: typeof fetch;
  /** Of calls that were answered, oldest first. */
  readonly calls: readonly SeenCall[];
  totals(): LlmTotals;
  /** Missing recordings and whatever else must fail the scenario, however the bot took it. */
  readonly failures: readonly Omit<Failure, "turn">[];
  /** Why a call was refused by the ledger, if one was. */
  readonly refused: "stopped" | "cap_run" | "cap_day" | "cap_month" | "taken_over" | undefined;
  readonly drift: readonly string[];
  /** Calls that have begun and are not settled. */
  readonly inFlight: number;
  /** Resolves when none is in flight. */
  settled(): Promise<void>;
}

/** @throws when a run that may pay has no provider */
export const openLlm = (options: LlmOptions): LlmClient => new Llm(options);
