/**
 * Listens to a stream of the `openai` client. It makes its events with an iterator, which gets an ear: whatever the bot
 * does with the stream, it does with the client's own, and an event is asked for when the bot asks for it.
 *
 * @module
 */

interface ApiStream {
  /** Of the client's class: also used by `tee` and `toReadableStream`. */
  iterator?: () => AsyncIterator<unknown>;
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
  controller?: AbortController;
}

/** Told in the bot's own time: none of them may throw. */
export interface StreamListener {
  event(event: unknown): void;
  /** There are no more: read to the end, or the bot has had enough. */
  ended(): void;
  failed(error: unknown): void;
  /** By the bot, or by the client itself just before it fails. */
  aborted(): void;
}

export function isStream(value: unknown): value is ApiStream {
  return typeof (value as ApiStream | null | undefined)?.[Symbol.asyncIterator] === "function";
}

/** Call it before the bot gets the stream. */
export function listenToStream(stream: ApiStream, listener: StreamListener): void {
  const field = typeof stream.iterator === "function" ? "iterator" : Symbol.asyncIterator;
  const iterate = stream[field]!;
  stream[field] = () => listenToEvents(iterate.call(stream), listener);
  stream.controller?.signal.addEventListener("abort", () => listener.aborted(), { once: true });
}

function listenToEvents(events: AsyncIterator<unknown>, listener: StreamListener): AsyncIterator<unknown> {
  const next = events.next.bind(events);
  const leave = events.return?.bind(events);
  events.next = async (...args) => {
    try {
      const result = await next(...args);
      if (result.done) listener.ended();
      else listener.event(result.value);
      return result;
    } catch (error) {
      listener.failed(error);
      throw error;
    }
  };
  if (leave) {
    events.return = (value) => {
      listener.ended();
      return leave(value);
    };
  }
  return events;
}
