/**
 * What becomes of each request of the bot: it is replayed, paid for, let through, or refused.
 *
 * @module
 */
import type { Failure } from "../../_shared/synthetic_work.ts";
import { type AnswerFacts, readFacts } from "./answer.ts";
import { Books, type Refusal } from "./books.ts";
import type { LlmClient, LlmOptions, LlmTotals, SeenCall } from "./client.ts";
import { driftOf } from "./drift.ts";
import type { Models } from "../scenario.ts";
import { Follower } from "./follow.ts";
import { Generations } from "./generation.ts";
import { missing } from "./missing.ts";
import { Nths } from "./nths.ts";
import { PaidCall } from "./paid.ts";
import type { Recorded } from "./ports.ts";
import { refusal } from "./refusal.ts";
import { replay } from "./replay.ts";
import { type LlmRequest, readRequest } from "./request.ts";
import { Tally } from "./tally.ts";
import { worstOf } from "./worst.ts";

const PAID_PATHS = ["chat/completions", "responses", "embeddings"];
const REPLAY_URL = "https://llm.invalid/v1";

export class Llm implements LlmClient {
  readonly baseUrl: string;
  /** The real one is put in where a request leaves: the bot cannot write it anywhere. */
  readonly apiKey = "synthetic-test";
  readonly failures: Omit<Failure, "turn">[] = [];
  readonly drift: string[] = [];
  readonly #options: LlmOptions;
  readonly #fetch: typeof fetch;
  readonly #books: Books;
  /** Undefined in a replay. */
  readonly #generations: Generations | undefined;
  readonly #calls: Follower;
  readonly #nths = new Nths();
  readonly #tally = new Tally();
  #before: Promise<unknown> = Promise.resolve();

  constructor(options: LlmOptions) {
    const { provider, mode, ledger } = options;
    if (provider === null && mode !== "replay") throw new Error("A run that may pay for calls needs a provider.");
    this.#options = options;
    this.#calls = new Follower(options.signal);
    this.baseUrl = (provider?.baseUrl ?? REPLAY_URL).replace(/\/+$/, "");
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#generations = provider ? new Generations(provider, this.#fetch) : undefined;
    this.#books = new Books(
      ledger,
      (error) => this.#fail("ledger", `A call could not be settled: ${messageOf(error)}`),
    );
  }

  get calls(): readonly SeenCall[] {
    return this.#tally.calls;
  }

  get refused(): Refusal | undefined {
    return this.#books.refused;
  }

  get inFlight(): number {
    return this.#books.inFlight;
  }

  totals(): LlmTotals {
    return this.#tally.totals();
  }

  settled(): Promise<void> {
    return this.#books.settled();
  }

  readonly fetch: typeof fetch = (input, init) => this.#take(new Request(input, init), this.#options.models);

  readonly judgeFetch: typeof fetch = (input, init) => {
    const { "*": _, ...named } = this.#options.models;
    return this.#take(new Request(input, init), named);
  };

  async #take(request: Request, models: Models): Promise<Response> {
    const { method, url } = request;
    const path = this.#pathOf(url);
    if (path === undefined) {
      return this.#refuse("bot", `${method} ${url} does not go to the LLM provider (${this.baseUrl}).`);
    }
    if (method !== "POST" || !PAID_PATHS.includes(path)) {
      if (this.#options.mode !== "replay" && method === "GET") return this.#letThrough(request);
      return this.#refuse("recording", `${method} ${url} cannot be ${this.#verb}: only ${PAID_PATHS.join(", ")} can.`);
    }
    // One after the other, so that equal requests are numbered as they were made.
    const reading = this.#before.then(async () => readRequest(path, await request.text(), models));
    this.#before = reading.catch(() => {});
    const asked = await reading;
    if (asked === undefined) return this.#refuse("bot", `${method} ${url}: the body is no JSON object with a model.`);
    const nth = this.#nths.take(asked.key);
    return this.#replay(asked, nth) ?? await this.#pay(asked, nth, request);
  }

  /** Below the provider's base URL; undefined: it is not there. */
  #pathOf(url: string): string | undefined {
    const { origin, pathname } = new URL(url);
    const base = new URL(`${this.baseUrl}/`);
    const isBelow = origin === base.origin && pathname.startsWith(base.pathname);
    return isBelow ? pathname.slice(base.pathname.length) : undefined;
  }

  get #verb(): string {
    return this.#options.mode === "replay" ? "replayed" : "paid for";
  }

  #replay(asked: LlmRequest, nth: number): Response | undefined {
    const { mode, recordings, advance } = this.#options;
    if (mode === "live") return undefined;
    const recorded = recordings.find(asked.key, nth);
    if (recorded !== undefined) {
      this.#answeredBy(recorded);
      return replay(recorded, asked.stream, mode === "replay" ? advance : undefined);
    }
    if (mode === "missing") return undefined;
    this.#nths.release(asked.key, nth);
    const failure = missing(asked, nth, recordings);
    // A bot may ask again for what it has not got.
    if (!this.failures.some(({ message }) => message === failure.message)) this.failures.push(failure);
    return refusal(404, "no_recording", failure.message);
  }

  async #pay(asked: LlmRequest, nth: number, request: Request): Promise<Response> {
    const { provider, signal, prices, cache, hold = () => () => {} } = this.#options;
    const { key, model } = asked;
    const any = this.#calls.follow(request);
    const failed = () => this.#nths.release(key, nth);
    // Of one that the bot itself has left, the bot gets the error of its own signal.
    const stopped = () => signal.aborted ? refusal(402, "stopped", "The scenario was stopped.") : undefined;
    const close = this.#books.open();
    let paid: PaidCall | undefined;
    try {
      const call = { key, nth, model, worst_microusd: worstOf(asked, prices), cache };
      const goOn = hold();
      const begun = await this.#books.begin(call, any.signal).finally(goOn);
      if (begun === undefined || begun.kind === "lost" || begun.kind === "refused") failed();
      if (begun === undefined) return stopped() ?? await Promise.reject(any.signal.reason);
      if (begun.kind === "lost") {
        return this.#refuse("ledger", `A call could not be begun, and was not made: ${messageOf(begun.error)}`);
      }
      if (begun.kind === "refused") return refusal(402, begun.why, `The call was refused: ${begun.why}.`);
      if (begun.kind === "answer") return this.#answerAgain({ ...begun.recorded, key, nth }, begun.from, asked);

      paid = new PaidCall(asked, nth, begun.call_id, {
        provider: provider!,
        generations: this.#generations!,
        books: this.#books,
        fetch: this.#fetch,
        signal,
        prices,
        failed,
        settled: close,
        over: ({ recorded, cost_microusd, input_tokens, output_tokens }, facts) => {
          if (recorded === null) return this.#tally.add(cost_microusd, input_tokens, output_tokens);
          this.#answeredBy(recorded, facts);
          this.#keep(recorded);
        },
      });
      return await paid.send(request, any).catch((error: unknown) => stopped() ?? Promise.reject(error));
    } finally {
      if (paid === undefined) {
        any.leave();
        close();
      }
    }
  }

  /** Paid for before, by this scenario or another one. */
  #answerAgain(recorded: Recorded, from: "resumed" | "cached", { stream }: LlmRequest): Response {
    this.#answeredBy(recorded);
    if (from === "cached") this.#tally.save(recorded.cost_microusd);
    this.#keep(recorded);
    return replay(recorded, stream);
  }

  #answeredBy(recorded: Recorded, facts?: AnswerFacts): void {
    const { model, status, input_tokens, output_tokens, cost_microusd, chunks, content_type } = recorded;
    // An error that was recorded.
    if (status !== 200) return this.#tally.add(cost_microusd, input_tokens, output_tokens);
    const read = () => readFacts(chunks.map((chunk) => chunk.text).join(""), content_type, model, this.#options.prices);
    const { text: response, whole } = facts ?? read();
    this.#tally.answered({
      model,
      input_tokens: input_tokens ?? 0,
      output_tokens: output_tokens ?? 0,
      cost_microusd,
      response,
      whole,
    });
  }

  #keep(recorded: Recorded): void {
    const { record, recordings, prices, mode } = this.#options;
    const before = recordings.find(recorded.key, recorded.nth);
    const drift = before !== undefined && mode === "live" ? driftOf(before, recorded, prices) : undefined;
    if (drift !== undefined) this.drift.push(drift);
    try {
      if (record) recordings.add(recorded);
    } catch (error) {
      this.#fail("recording", `A call could not be recorded: ${messageOf(error)}`);
    }
  }

  /** Costs nothing. */
  #letThrough(request: Request): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${this.#options.provider!.apiKey}`);
    const { signal } = this.#calls.follow(request);
    return this.#fetch(request.url, { headers, signal, redirect: "manual" });
  }

  #refuse(expectation: string, message: string): Response {
    this.#fail(expectation, message);
    return refusal(expectation === "ledger" ? 424 : 400, expectation, message);
  }

  #fail(expectation: string, message: string): void {
    if (!this.failures.some((failure) => failure.message === message)) this.failures.push({ expectation, message });
  }
}

const messageOf = (error: unknown) => error instanceof Error ? error.message : String(error);
