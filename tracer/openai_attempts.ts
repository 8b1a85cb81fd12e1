/**
 * The attempts behind one call: the client repeats what failed, and only its `fetch` sees that it does.
 *
 * @module
 */
import type { Step } from "./handles.ts";
import { endAsPast } from "./llm.ts";
import { errorText } from "./text.ts";
import { background } from "./timers.ts";
import type { OpenStep } from "./step.ts";

/** An attempt that failed. It becomes a step when another one follows: the last one's error is that of the call. */
interface Failure {
  start: number;
  end: number;
  error: string;
  /** Stops the reading of its body. */
  stop(): void;
}

/** Of an error's body, in characters; what is longer is no message. */
const MAX_BODY = 4096;
/** The client waits for the end of the reading before it tries again; most bodies come with their headers. */
const MAX_READING_MS = 100;

export class Attempts {
  readonly #step: Step;
  #failure: Failure | undefined;

  constructor(step: Step) {
    this.#step = step;
  }

  /** Sends one attempt. What it returns or throws passes through. */
  async send(send: () => Promise<Response>): Promise<Response> {
    this.#recordFailure();
    const start = performance.now();
    try {
      const response = await send();
      if (!response.ok) this.#failure = readFailure(response, start);
      return response;
    } catch (error) {
      // An attempt that the bot has aborted is not followed by another one: what is, has run out of time.
      const what = (error as Error | null)?.name === "AbortError" ? "timed out" : causeOf(error);
      this.#failure = { start, end: performance.now(), error: what, stop: () => {} };
      throw error;
    }
  }

  #recordFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    failure?.stop();
    if (failure === undefined || (this.#step as OpenStep).trace.endTime !== undefined) return;
    const step = this.#step.startStep("llm.retry");
    step.fail(failure.error);
    endAsPast(step, failure.start, failure.end);
  }
}

/** `fetch failed` says nothing, its cause does. */
function causeOf(error: unknown): string {
  const cause = (error as { cause?: unknown } | null)?.cause;
  return cause === undefined ? errorText(error) : `${errorText(error)}: ${errorText(cause)}`;
}

/** The status, and the provider's words from a copy of the body, since the body itself belongs to the client. */
function readFailure(response: Response, start: number): Failure {
  const { status, statusText } = response;
  const failure: Failure = { start, end: performance.now(), error: `${status} ${statusText}`.trim(), stop: () => {} };
  // Version 4 of the client comes with a `fetch` of its own, whose copies must be read to their end: the status has to do.
  if (typeof response.body?.getReader !== "function") return failure;
  try {
    const reader = response.clone().body!.getReader();
    const stop = () => void reader.cancel().catch(() => {});
    const timer = background(stop, MAX_READING_MS);
    failure.stop = stop;
    readAll(reader).then((body) => {
      clearTimeout(timer);
      failure.error = `${status} ${messageIn(body) || statusText}`.trim();
    }, stop);
  } catch {
    // A body that was read before it came here cannot be copied.
  }
  return failure;
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let body = "";
  while (body.length < MAX_BODY) {
    const { done, value } = await reader.read();
    if (done) break;
    body += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return body;
}

function messageIn(body: string): string {
  try {
    const { error, message } = JSON.parse(body);
    const found = error?.message ?? error ?? message;
    return typeof found === "string" ? found : body;
  } catch {
    return body.slice(0, 200);
  }
}
