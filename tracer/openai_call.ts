/**
 * One call of the `openai` client, from the promise that it returns to the end of the answer.
 *
 * The promise (`APIPromise`) reads the answer when it is awaited, by its `parseResponse`, and a stream makes its events
 * when it is iterated, by its `iterator`. Both are replaced by themselves with an ear, so that everything built on them
 * (`withResponse`, `parse`, `tee`, `toReadableStream` …) stays the client's own.
 *
 * @module
 */
import type { Step } from "./handles.ts";
import { type LlmRecord, LlmRecorder } from "./llm.ts";
import { type Answer, readAnswer } from "./openai_answers.ts";
import { Attempts } from "./openai_attempts.ts";
import { StreamedAnswer } from "./openai_stream.ts";
import type { PriceTable } from "./prices.ts";

interface ApiPromise extends Promise<unknown> {
  /** Rejects when the last attempt has failed. */
  responsePromise: Promise<unknown>;
  parseResponse(...args: unknown[]): unknown;
  asResponse(): Promise<unknown>;
}

interface ApiStream {
  iterator?: () => Events;
  [Symbol.asyncIterator](): Events;
  controller?: AbortController;
}

/** The client makes it with a generator; another one's may lack the optional methods. */
type Events = AsyncIterator<unknown>;

export class OpenAICall {
  readonly attempts: Attempts;
  readonly #step: Step;
  readonly #recorder: LlmRecorder;
  #state: "running" | "aborted" | "over" = "running";

  constructor(step: Step, prices: PriceTable | undefined) {
    this.#step = step;
    this.#recorder = new LlmRecorder(step, prices);
    this.attempts = new Attempts(step);
  }

  record(known: LlmRecord): void {
    this.#recorder.record(known);
  }

  /** The call has failed. After its end there is one error left that counts: the one that has aborted the stream. */
  fail(error: unknown): void {
    if (this.#state === "over") return;
    this.#step.fail(error);
    this.#end();
  }

  /** Listens to what the client has returned, and gives it back. */
  follow(result: unknown): unknown {
    const promise = result as ApiPromise;
    if (typeof promise?.parseResponse === "function" && typeof promise.responsePromise?.then === "function") {
      this.#followApiPromise(promise);
    } else if (typeof promise?.then === "function") {
      // Another client's. It has no lazy parts that this would set off.
      promise.then((value) => this.#answered(value), (error) => this.fail(error));
    } else {
      this.#answered(result);
    }
    return result;
  }

  #followApiPromise(promise: ApiPromise): void {
    const { parseResponse, responsePromise, asResponse } = promise;
    const failed = (error: unknown) => {
      this.fail(error);
      throw error;
    };
    let parses = false;
    // In their places rather than beside them: a promise that nobody handles stays one.
    promise.responsePromise = responsePromise.then((response) => response, failed);
    promise.parseResponse = async (...args) => {
      parses = true;
      try {
        return this.#answered(await parseResponse.apply(promise, args));
      } catch (error) {
        return failed(error);
      }
    };
    promise.asResponse = async () => {
      const response = await asResponse.call(promise);
      if (!parses) this.#end();
      return response;
    };
  }

  #answered(value: unknown): unknown {
    let streamed = false;
    quietly(() => {
      const stream = value as ApiStream | null;
      if (typeof stream?.[Symbol.asyncIterator] === "function") {
        this.#followStream(stream);
        streamed = true;
      } else if (typeof value === "object" && value !== null) {
        this.#recordAnswer(value);
      } else {
        // Not JSON: what a proxy on the way may answer.
        this.record({ response: value });
      }
    });
    if (!streamed) this.#end();
    return value;
  }

  #followStream(stream: ApiStream): void {
    const field = typeof stream.iterator === "function" ? "iterator" : Symbol.asyncIterator;
    const iterate = stream[field]!;
    stream[field] = () => this.#followEvents(iterate.call(stream));
    stream.controller?.signal.addEventListener("abort", () => {
      // The client also aborts what it fails to read, just before it throws the reason.
      if (this.#state !== "running") return;
      this.#streamed();
      this.#state = "aborted";
    }, { once: true });
  }

  readonly #events = new StreamedAnswer();

  #followEvents(events: Events): Events {
    const next = events.next.bind(events);
    const leave = events.return?.bind(events);
    events.next = async (...args) => {
      try {
        const result = await next(...args);
        if (result.done) this.#streamed();
        else if (this.#state === "running") {
          quietly(() => this.#events.add(result.value as object) && this.#recorder.firstToken());
        }
        return result;
      } catch (error) {
        this.#streamed(error);
        throw error;
      }
    };
    // The consumer has had enough.
    if (leave) {
      events.return = (value) => {
        this.#streamed();
        return leave(value);
      };
    }
    return events;
  }

  /** There is no more to come. */
  #streamed(error?: unknown): void {
    if (this.#state === "running") quietly(() => this.#recordAnswer(this.#events.answer));
    if (error === undefined) this.#end();
    else this.fail(error);
  }

  #recordAnswer(answer: Answer): void {
    const { record, error } = readAnswer(answer);
    this.record(record);
    if (error !== undefined) this.#step.fail(error);
  }

  #end(): void {
    this.#state = "over";
    this.attempts.end();
    this.#step.end();
  }
}

/** An answer that no server should give must not become the bot's problem. */
function quietly(listen: () => unknown): void {
  try {
    listen();
  } catch {
    // What could be read has been recorded.
  }
}
