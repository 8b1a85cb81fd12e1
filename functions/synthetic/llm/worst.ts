/**
 * Most that a request can cost, known before it is sent.
 *
 * A token of text stands for one byte at least, so that bytes bound the input; what the provider puts around a message is bound
 * by a number. Whatever else can cost money makes the bound unknown: it is never guessed.
 *
 * @module
 */
import { costOf, type PriceTable } from "../../../tracer/prices.ts";
import { type Body, type LlmRequest, relevant } from "./request.ts";

const TOKENS_AROUND_MESSAGE = 16;
const MAX_TOKENS = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
/** Billed otherwise than by the tokens of the request, by another model's price, or for texts that are not in it. */
const OTHERWISE_BILLED = [
  "audio",
  "conversation",
  "models",
  "plugins",
  "prediction",
  "preset",
  "previous_response_id",
  "prompt",
  "search_parameters",
  "web_search_options",
];
const TEXT_PARTS = ["text", "input_text", "output_text", "refusal"];
const PLAIN_ITEMS = ["message", "function_call", "function_call_output", "reasoning"];

/** Micro-dollars; null: not known. */
export function worstOf(
  { path, body, model }: Pick<LlmRequest, "path" | "body" | "model">,
  prices: PriceTable,
): number | null {
  if (OTHERWISE_BILLED.some((name) => isSet(body[name])) || !isPlainTier(body["service_tier"])) return null;
  if (![body["modalities"] ?? []].flat().every((kind) => kind === "text")) return null;
  if (!toolsOf(body).every((tool) => ["function", "custom"].includes(String(tool?.type)))) return null;
  const messages = [body["messages"], body["input"]].flat().filter(isSet);
  if (path !== "embeddings" && !messages.every(isText)) return null;
  const output_tokens = path === "embeddings" ? 0 : outputBound(body);
  if (output_tokens === undefined) return null;
  const bytes = new TextEncoder().encode(JSON.stringify(relevant(body))).length;
  const input_tokens = bytes + TOKENS_AROUND_MESSAGE * (messages.length + 1);
  return costOf({ model, input_tokens, output_tokens }, prices) ?? null;
}

function outputBound(body: Body): number | undefined {
  const limits = MAX_TOKENS.map((name) => body[name]).filter(isSet);
  const times = [body["n"] ?? 1, body["best_of"] ?? 1];
  if (limits.length === 0 || ![...limits, ...times].every(isCount)) return undefined;
  // Thoughts that have a limit of their own may come on top.
  const { max_tokens: thoughts } = Object(body["reasoning"]) as { max_tokens?: unknown };
  if (isSet(thoughts) && !isCount(thoughts)) return undefined;
  const most = Math.max(...limits as number[]) + ((thoughts as number | undefined | null) ?? 0);
  return most * Math.max(...times as number[]);
}

/** What can be told by its bytes, unless it is written to a cache, which costs more. */
function isText(message: unknown): boolean {
  if (typeof message === "string") return true;
  const { type = "message", content, output, cache_control, audio } = message as Body;
  return PLAIN_ITEMS.includes(String(type)) && ![cache_control, audio].some(isSet) &&
    [content, output].every(isTextContent);
}

function isTextContent(content: unknown): boolean {
  if (!Array.isArray(content)) return !isSet(content) || typeof content === "string";
  return content.every((part: Body | null) =>
    TEXT_PARTS.includes(String(part?.["type"])) && !isSet(part?.["cache_control"])
  );
}

const toolsOf = (body: Body) => (Array.isArray(body["tools"]) ? body["tools"] : []) as ({ type?: unknown } | null)[];
const isPlainTier = (tier: unknown) => !isSet(tier) || ["auto", "default", "standard"].includes(String(tier));
const isSet = (value: unknown) => (value ?? undefined) !== undefined;
const isCount = (value: unknown) => Number.isSafeInteger(value) && value as number > 0;
