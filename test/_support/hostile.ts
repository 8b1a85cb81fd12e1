/** Traces of a sender who names things to break a message, or to make it say what is not so. */
import type { WireTrace } from "../../tracer/wire.ts";
import { makeTrace } from "./traces.ts";

export const HOSTILE_NAMES = [
  "<b>bold",
  "&lt;i&gt; &amp;amp; &#x3C;",
  "</pre></code><a href='tg://user?id=1'>x</a>",
  "<script>document.title = 'owned'</script>",
  "<img src=x onerror=\"document.title='owned'\">",
  "👩‍👩‍👧‍👦🏳️‍🌈👋🏽".repeat(30),
  "שלום עולם مرحبا بالعالم",
  "\u202Etxet desrever\u202C \u2067right to left",
  "n".repeat(300),
  "ё".repeat(300),
  "漢字".repeat(150),
  `Z${"\u0335\u0489\u0300".repeat(60)}algo`,
  "two\nlines\r\nand\ttabs",
  "\u0000\u0007\u001B[31m",
  " \u200B\u2800\u3164 ",
  "\uD83D",
  "1 ✅ forged · 0 ms",
  "/admin traces @everyone #tag https://evil.example/?a=1&b=2",
  "`*_~|[a](b)`",
  "'; drop table tracegram.pipeline_traces; --",
] as const;

/** The `n`th trace before `newest`; each of its names is one of {@link HOSTILE_NAMES}, in ever new combinations. */
export function hostileTrace(n: number, newest: number): WireTrace {
  const name = (i: number) => HOSTILE_NAMES[(n * 7 + i * 3) % HOSTILE_NAMES.length]!;
  const failed = n % 3 === 0;
  return makeTrace({
    started_at: newest - n * 61,
    pipeline: name(0),
    release: name(1),
    ...(failed && { status: "error", error: name(2).repeat(3) }),
    steps: Array.from({ length: n % 6 }, (_, i) => ({
      name: name(i + 3),
      ...(i > 0 && { parent: i }),
      status: failed && i === 1 ? "error" : "ok",
      ...(failed && i === 1 && { error: name(i) }),
      offset_ms: i * 100,
      duration_ms: 10 ** (i + 1),
    })),
  });
}
