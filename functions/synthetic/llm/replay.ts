/**
 * Gives a recorded answer once more: at once, in the chunks in which it came.
 *
 * @module
 */
import { asPlain, asStream } from "./convert.ts";
import type { Recorded } from "./ports.ts";
import { readStream } from "./answer.ts";
import { isSse } from "./sse.ts";

/** @param advance Told how long each part took, as it is read. */
export function replay(recorded: Recorded, stream: boolean, advance: (ms: number) => void = () => {}): Response {
  const { status, content_type, duration_ms } = recorded;
  const headers = { "content-type": content_type };
  const text = recorded.chunks.map((chunk) => chunk.text).join("");
  const streamed = isSse(content_type);
  if (status !== 200 || (!streamed && !stream)) {
    advance(duration_ms);
    return new Response(text, { status, headers });
  }
  if (!stream) {
    advance(duration_ms);
    return new Response(asPlain(text), { headers: { "content-type": "application/json" } });
  }
  const chunks = streamed ? recorded.chunks : [{ ms: duration_ms, text: asStream(text) }];
  // It was left by the bot before its end: there is no more of it.
  const cut = streamed && !readStream(text).ended;
  return new Response(replayChunks(chunks, duration_ms, cut, advance), {
    headers: { "content-type": "text/event-stream; charset=utf-8" },
  });
}

function replayChunks(
  chunks: Recorded["chunks"],
  duration: number,
  cut: boolean,
  advance: (ms: number) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let at = 0;
  let next = 0;
  const advanceTo = (ms: number) => {
    if (ms > at) advance(ms - at);
    at = Math.max(at, ms);
  };
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[next++];
      advanceTo(chunk?.ms ?? duration);
      if (chunk !== undefined) controller.enqueue(encoder.encode(chunk.text));
      else if (cut) controller.error(new Error("The recording ends here: the bot had left the stream."));
      else controller.close();
    },
    // Nothing is read ahead, so that the clock is where the bot is.
  }, { highWaterMark: 0 });
}
