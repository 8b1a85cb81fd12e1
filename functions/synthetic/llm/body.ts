/**
 * The body of an answer on its way to the bot: every chunk goes on as it comes, and is written down.
 *
 * It is read whether the bot reads it or not: what the provider writes is paid for.
 *
 * @module
 */
import type { Recorded } from "./ports.ts";

/** `ended`: it is all there. `left`: the bot has had enough. `stopped`: the scenario was. `died`: the connection did. */
export type End = "ended" | "left" | "stopped" | "died";

export interface Listener {
  /** Of the whole scenario. */
  stop: AbortSignal;
  /** Also aborts when the bot leaves. */
  any: AbortSignal;
  /** On the clock of `performance.now`. */
  start: number;
  over(end: End, chunks: Recorded["chunks"]): void;
}

export function listen(body: ReadableStream<Uint8Array>, listener: Listener): ReadableStream<Uint8Array> {
  const { stop, any, start } = listener;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const chunks: Recorded["chunks"] = [];
  let isOver = false;
  let controller: ReadableStreamDefaultController<Uint8Array>;

  const write = (text: string) => {
    if (text !== "") chunks.push({ ms: Math.round(performance.now() - start), text });
  };
  const end = (how: End) => {
    isOver = true;
    any.removeEventListener("abort", abort);
    write(decoder.decode());
    listener.over(how, chunks);
  };
  const abort = () => {
    if (isOver) return;
    controller.error(any.reason);
    reader.cancel(any.reason).catch(() => {});
    end(stop.aborted ? "stopped" : "left");
  };
  const pump = async () => {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (isOver) return;
        if (done) break;
        write(decoder.decode(value, { stream: true }));
        controller.enqueue(value);
      }
      controller.close();
      end("ended");
    } catch (error) {
      if (isOver) return;
      controller.error(error);
      end("died");
    }
  };
  const passed = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
    cancel: (reason) => {
      if (isOver) return;
      end("left");
      return reader.cancel(reason);
    },
  });
  any.addEventListener("abort", abort);
  if (any.aborted) abort();
  else void pump();
  return passed;
}
