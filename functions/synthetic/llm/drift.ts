/**
 * How a live answer differs from the one that was recorded for the same request.
 *
 * @module
 */
import type { PriceTable } from "../../../tracer/prices.ts";
import { readFacts } from "./answer.ts";
import type { Recorded } from "./ports.ts";
import { titleOf } from "./request.ts";

export function driftOf(before: Recorded, now: Recorded, prices: PriceTable): string[] {
  const pairs: [string, string, string][] = [
    ["status", String(before.status), String(now.status)],
    ["text", textOf(before, prices), textOf(now, prices)],
    ["tokens", tokensOf(before), tokensOf(now)],
  ];
  const title = titleOf(now.request as Parameters<typeof titleOf>[0]);
  return pairs.filter(([, was, is]) => was !== is).map(([what, was, is]) =>
    `${title} #${now.nth}: ${what} ${shorten(was)} → ${shorten(is)}`
  );
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
