/**
 * How a live answer differs from the one that was recorded for the same request.
 *
 * @module
 */
import type { PriceTable } from "../../../tracer/prices.ts";
import { readFacts } from "./answer.ts";
import type { Recorded } from "./ports.ts";
import { titleOf } from "./request.ts";

/** A line; undefined: it does not. */
export function driftOf(before: Recorded, now: Recorded, prices: PriceTable): string | undefined {
  const pairs: [string, string, string][] = [
    ["status", String(before.status), String(now.status)],
    ["text", textOf(before, prices), textOf(now, prices)],
    ["tokens", tokensOf(before), tokensOf(now)],
  ];
  const others = pairs.filter(([, was, is]) => was !== is);
  if (others.length === 0) return undefined;
  const title = titleOf(now.request as Parameters<typeof titleOf>[0]);
  return `${title} #${now.nth}: ${
    others.map(([what, was, is]) => `${what} ${shorten(was)} → ${shorten(is)}`).join("; ")
  }`;
}

function textOf({ chunks, content_type, model, status }: Recorded, prices: PriceTable): string {
  const text = chunks.map((chunk) => chunk.text).join("");
  return JSON.stringify(status === 200 ? readFacts(text, content_type, model, prices).text : text);
}

const tokensOf = ({ input_tokens, output_tokens }: Recorded) => `${input_tokens ?? "?"} + ${output_tokens ?? "?"}`;

function shorten(text: string): string {
  const chars = [...text];
  return chars.length <= 120 ? text : chars.slice(0, 120).join("") + "…";
}
