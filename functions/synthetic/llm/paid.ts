/**
 * One HTTP request that costs money: begun in the ledger before it is sent, settled after it, however it ends.
 *
 * @module
 */
import type { PriceTable } from "../../../tracer/prices.ts";
import type { Provider } from "../define.ts";
import { type AnswerFacts, readFacts } from "./answer.ts";
import { type End, listen } from "./body.ts";
import type { Books } from "./books.ts";
import type { Followed } from "./follow.ts";
import type { Generations, Told } from "./generation.ts";
import { maskAnswer } from "./mask_answer.ts";
import type { CallEnd, Recorded } from "./ports.ts";
import type { LlmRequest } from "./request.ts";
import { isSse, readEvents } from "./sse.ts";
import { wasNeverSent } from "./unsent.ts";

/** Said of the request, and so said again to an equal one. Others are said of the moment or of the account. */
const KEPT_ERRORS = [400, 404, 413, 422];
/** Somebody on the way had enough of waiting: what the provider goes on to write is billed. */
const TIMEOUTS = [408, 504, 522, 524];
/** A shorter key is none, such as that of a local provider: its letters are anywhere. */
const LEAST_KEY = 8;

export interface PaidDeps {
  provider: Provider;
  generations: Generations;
  books: Books;
  fetch: typeof fetch;
  /** Of the scenario. */
  signal: AbortSignal;
  prices: PriceTable;
  /** Told once it is over; `recorded`: it was answered. Its cost is in `end`. */
  over(end: CallEnd, facts: AnswerFacts | undefined): void;
  /** It is booked, and no longer in flight. */
  settled(): void;
  /** It was not answered. Told at once, before the bot can ask again. */
  failed(): void;
}

export class PaidCall {
  readonly #asked: LlmRequest;
  readonly #nth: number;
  readonly #callId: number;
  readonly #deps: PaidDeps;
  #start = 0;

  constructor(asked: LlmRequest, nth: number, callId: number, deps: PaidDeps) {
    this.#asked = asked;
    this.#nth = nth;
    this.#callId = callId;
    this.#deps = deps;
  }

  /** @throws what `fetch` throws */
  async send(request: Request, any: Followed): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${this.#deps.provider.apiKey}`);
    headers.delete("content-length");
    this.#start = performance.now();
    let response: Response;
    try {
      const { url, method } = request;
      response = await this.#deps.fetch(url, {
        method,
        headers,
        body: this.#asked.text,
        signal: any.signal,
        // It would be another address than the provider's.
        redirect: "manual",
      });
    } catch (error) {
      any.leave();
      this.#deps.failed();
      this.#settle({ status: 0, cost: wasNeverSent(error) ? 0 : null });
      throw error;
    }
    return response.ok && response.body ? this.#answer(response, response.body, any) : await this.#error(response);
  }

  /** Errors cost nothing, unless they are of the way. */
  async #error(response: Response): Promise<Response> {
    const { status, ok } = response;
    if (!KEPT_ERRORS.includes(status)) {
      this.#deps.failed();
      const id = response.headers.get("x-generation-id") ?? undefined;
      this.#settle({ status, cost: ok || TIMEOUTS.includes(status) ? null : 0, id });
      return response;
    }
    try {
      const text = await response.text();
      const chunks = [{ ms: this.#ms(), text }];
      this.#settle({ status, cost: 0, recorded: this.#record(response, chunks) });
      return new Response(text, { status, statusText: response.statusText, headers: passedHeaders(response) });
    } catch (error) {
      this.#deps.failed();
      this.#settle({ status, cost: 0 });
      throw error;
    }
  }

  #answer(response: Response, body: ReadableStream<Uint8Array>, any: Followed): Response {
    const { status, statusText } = response;
    const over = (end: End, chunks: Recorded["chunks"]) => {
      any.leave();
      this.#over(response, end, chunks);
    };
    const passed = listen(body, { stop: this.#deps.signal, any: any.signal, start: this.#start, over });
    return new Response(passed, { status, statusText, headers: passedHeaders(response) });
  }

  #over(response: Response, end: End, chunks: Recorded["chunks"]): void {
    const { status } = response;
    const text = chunks.map((chunk) => chunk.text).join("");
    const facts = readFacts(text, contentTypeOf(response), this.#asked.model, this.#deps.prices);
    const id = response.headers.get("x-generation-id") ?? facts.id;
    const answered = facts.whole && end !== "died" && end !== "stopped";
    // A bot that leaves a stream has been answered: what it has read will make it leave again.
    const left = end === "left" && isSse(contentTypeOf(response)) && readEvents(text).some(({ data }) => data);
    const recorded = answered || left ? this.#recordSafely(response, chunks) : undefined;
    if (recorded === undefined) this.#deps.failed();
    const cost = facts.whole ? facts.cost_microusd : null;
    this.#settle({ status, cost, facts, id, recorded });
  }

  /** What cannot be masked is not kept. */
  #recordSafely(response: Response, chunks: Recorded["chunks"]): Recorded | undefined {
    try {
      return this.#record(response, chunks);
    } catch {
      return undefined;
    }
  }

  #record(response: Response, chunks: Recorded["chunks"]): Recorded {
    const { apiKey } = this.#deps.provider;
    const isKey = apiKey.length >= LEAST_KEY;
    const known = chunks.map(({ ms, text }) => ({ ms, text: isKey ? text.replaceAll(apiKey, "[secret]") : text }));
    const content_type = contentTypeOf(response);
    return {
      key: this.#asked.key,
      nth: this.#nth,
      request: this.#asked.kept,
      status: response.status,
      content_type,
      chunks: maskAnswer(known, content_type),
      duration_ms: this.#ms(),
      model: this.#asked.model,
      input_tokens: null,
      output_tokens: null,
      cost_microusd: 0,
    };
  }

  /** Goes on in the background; the call is in flight until it is booked. */
  #settle(known: {
    status: number;
    cost: number | null;
    facts?: AnswerFacts | undefined;
    id?: string | undefined;
    recorded?: Recorded | undefined;
  }): void {
    const { status, facts, id, recorded } = known;
    const duration_ms = this.#ms();
    const book = (told: Told | null) => {
      const paid = {
        cost_microusd: known.cost ?? told?.cost_microusd ?? null,
        input_tokens: told?.input_tokens ?? facts?.input_tokens ?? null,
        output_tokens: told?.output_tokens ?? facts?.output_tokens ?? null,
      };
      const end: CallEnd = {
        ...paid,
        status,
        duration_ms,
        recorded: recorded === undefined ? null : { ...recorded, ...paid, model: facts?.model ?? recorded.model },
      };
      void this.#deps.books.settle(this.#callId, end).then(this.#deps.settled);
      this.#deps.over(end, facts);
    };
    // Where nothing has to be asked, the totals are right before the bot goes on.
    if (known.cost !== null || id === undefined) book(null);
    else void this.#deps.generations.ask(id).then(book);
  }

  #ms(): number {
    return Math.round(performance.now() - this.#start);
  }
}

const contentTypeOf = (response: Response) => response.headers.get("content-type") ?? "";

/** The body is no longer as it came over the wire. */
function passedHeaders(response: Response): Headers {
  const headers = new Headers(response.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return headers;
}
