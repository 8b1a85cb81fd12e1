/**
 * What is recorded of OpenAI's answers: chat completions, responses and embeddings, told apart by their shape.
 *
 * @module
 */
import type { LlmRecord } from "./llm.ts";

/** The fields that are read, all of which may be missing: many servers speak OpenAI's protocol, more or less. */
export interface Answer {
  model?: string;
  /** Chat completions. */
  choices?: Choice[];
  /** Responses. */
  output?: OutputItem[];
  status?: string;
  incomplete_details?: unknown;
  usage?: object | null;
  service_tier?: string | null;
  /** Responses, and OpenRouter's answers when the provider behind it has failed. */
  error?: { message?: string; code?: string | number } | null;
}

export interface Choice {
  index?: number;
  message?: Record<string, unknown>;
  finish_reason?: string | null;
}

export interface OutputItem {
  type?: string;
  content?: { type?: string; text?: string }[];
  [field: string]: unknown;
}

/** Responses are also billed by the call for tools that the provider runs, which no table of tokens knows. */
const BILLED_BY_TOKENS = ["message", "reasoning", "function_call", "custom_tool_call"];

/** What there is to record of an answer, and what it failed with, if it says so itself. */
export function readAnswer(answer: Answer): { record: LlmRecord; error?: string } {
  const { model, usage, error } = answer;
  const plain = (answer.output ?? []).every((item) => BILLED_BY_TOKENS.includes(item.type ?? ""));
  const service_tier = plain ? answer.service_tier ?? undefined : "with the provider's tools";
  const record: LlmRecord = {
    model,
    // Spread, since the tier stands beside the usage and decides its price.
    usage: usage ? { ...usage, ...(service_tier !== undefined && { service_tier }) } : undefined,
    response: responseOf(answer),
  };
  return error ? { record, error: error.message ?? String(error.code) } : { record };
}

/** A text where that is all there is, or else the whole message. Vectors are not kept. */
function responseOf({ choices, output, status, incomplete_details }: Answer): unknown {
  if (choices !== undefined) {
    const messages = choices.map(messageOf);
    return messages.length === 1 ? messages[0] : messages;
  }
  if (output === undefined) return undefined;
  const spoken = output.filter((item) => item.type !== "reasoning");
  const parts = spoken.flatMap((item) => item.type === "message" ? item.content ?? [] : [item]);
  const isText = parts.every((part) => part.type === "output_text") && (status ?? "completed") === "completed";
  if (isText) return parts.map((part) => part.text).join("");
  return { status, incomplete_details: incomplete_details ?? undefined, output };
}

function messageOf({ message = {}, finish_reason }: Choice): unknown {
  const { role: _, content, ...more } = message;
  const isText = typeof content === "string" && (finish_reason ?? "stop") === "stop" &&
    !Object.values(more).some(hasContent);
  return isText ? content : { ...message, finish_reason };
}

/** Not null, "" or []. */
export function hasContent(value: unknown): boolean {
  return Array.isArray(value) || typeof value === "string" ? value.length > 0 : (value ?? undefined) !== undefined;
}
