/**
 * One call of the `openai` client, from the promise that it returns to the end of the answer.
 *
 * The promise (`APIPromise`) reads the answer when it is awaited, by its `parseResponse`. This is replaced by itself with
 * an ear, so that everything built on it (`withResponse`, `parse`, `stream` …) stays the client's own.
 *
 * @module
 */
import type { Step } from "./handles.ts";
import { type LlmRecord, StepRecorder } from "./llm.ts";
import { type Answer, readAnswer } from "./openai_answers.ts";
import { Attempts } from "./openai_attempts.ts";
import { isStream, listenToStream, type StreamListener } from "./openai_events.ts";
import { StreamedAnswer } from "./openai_stream.ts";
import type { PriceTable } from "./prices.ts";

interface ApiPromise extends Promise<unknown> {
  /** Rejects when the last attempt has failed. */
  responsePromise: Promise<unknown>;
  parseResponse(...args: unknown[]): unknown;
  asResponse(): Promise<unknown>;
}

export class OpenAICall implements StreamListener {
  readonly attempts: Attempts;
  readonly #step: Step;
  readonly #recorder: StepRecorder;
  readonly #streamed = new StreamedAnswer();
  #state: "running" | "aborted" | "over" = "running";

  constructor(step: Step, prices: PriceTable | undefined) {
    this.#step = step;
    this.#recorder = new StepRecorder(step, prices);
    this.attempts = new Attempts(step);
  }

  record(known: LlmRecord): void {
    this.#recorder.record(known);
  }

  /** Listens to what the client has returned, and gives it back. */
  follow(result: unknown): unknown {
    const promise = result as ApiPromise;
    if (typeof promise?.parseResponse === "function" && typeof promise.responsePromise?.then === "function") {
      this.#followApiPromise(promise);
    } else if (typeof promise?.then === "function") {
      // Another client's. It has no lazy parts that this would set off.
      promise.then((value) => this.#answered(value), (error) => this.failed(error));
    } else {
      this.#answered(result);
    }
    return result;
  }

  #followApiPromise(promise: ApiPromise): void {
    const { parseResponse, responsePromise, asResponse } = promise;
    const failed = (error: unknown) => {
      this.failed(error);
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
    if (isStream(value)) {
      quietly(() => listenToStream(value, this));
    } else {
      // What is no object is no JSON either, but what a proxy on the way may answer.
      if (typeof value === "object" && value !== null) this.#recordAnswer(value);
      else this.record({ response: value });
      this.#end();
    }
    return value;
  }

  event(event: unknown): void {
    if (this.#state !== "running") return;
    quietly(() => {
      if (this.#streamed.add(event as object)) this.#recorder.firstToken();
    });
  }

  ended(): void {
    if (this.#state === "running") this.#recordAnswer(this.#streamed.answer);
    this.#end();
  }

  failed(error: unknown): void {
    // After the end, one error counts: the one for which the client has aborted what it was reading.
    if (this.#state === "over") return;
    if (this.#state === "running") this.#recordAnswer(this.#streamed.answer);
    this.#step.fail(error);
    this.#end();
  }

  aborted(): void {
    if (this.#state !== "running") return;
    this.ended();
    this.#state = "aborted";
  }

  #recordAnswer(answer: Answer): void {
    quietly(() => {
      const { record, error } = readAnswer(answer);
      this.record(record);
      if (error !== undefined) this.#step.fail(error);
    });
  }

  #end(): void {
    this.#state = "over";
    this.#step.end();
  }
}

/** An answer that no server should give must not become the bot's problem. */
function quietly(listen: () => void): void {
  try {
    listen();
  } catch {
    // What could be read has been recorded.
  }
}
