/**
 * A request as it is sent, and as it is kept and found again: normalised, masked, under its key.
 *
 * @module
 */
import type { Models } from "../scenario.ts";
import { maskJson } from "./masking.ts";
import { parseJson } from "./sse.ts";

export type Body = Record<string, unknown>;

export interface LlmRequest {
  /** Below the provider's base URL: `chat/completions`. */
  path: string;
  /** With the model that is to answer. */
  body: Body;
  model: string;
  /** To be sent. */
  text: string;
  stream: boolean;
  /** Normalised and masked. */
  kept: Body;
  key: string;
}

/** What changes neither the answer nor its price. */
const IRRELEVANT = ["stream", "stream_options", "user", "metadata", "usage", "store"];

/** Undefined: it is no JSON object with a model. */
export async function readRequest(path: string, text: string, models: Models): Promise<LlmRequest | undefined> {
  const given = parseJson(text) as Body | null | undefined;
  if (typeof given !== "object" || given === null || typeof given["model"] !== "string") return undefined;
  const model = modelOf(given["model"], models);
  const body: Body = { ...given, model };
  const kept = normalise(body);
  return {
    path,
    body,
    model,
    // As the bot has written it, where nothing is to be changed.
    text: model === given["model"] ? text : JSON.stringify(body),
    stream: body["stream"] === true,
    kept,
    key: await keyOf(kept),
  };
}

/** The one that answers in place of the one that was asked. */
export const modelOf = (asked: string, models: Models): string =>
  [asked, "*"].filter((name) => Object.hasOwn(models, name)).map((name) => models[name]!)[0] ?? asked;

/** All that the provider reads. */
export const relevant = (body: Body): Body =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !IRRELEVANT.includes(name)));

const normalise = (body: Body): Body => sorted(maskJson(sorted(relevant(body)))) as Body;

/** SHA-256 of the canonical JSON, in hex. */
export async function keyOf(kept: Body): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(sorted(kept)));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** With the fields of all objects in the order of their names. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  return Object.fromEntries(entries.map(([name, child]) => [name, sorted(child)]));
}

/** For people: what was asked, as `gpt-4o: "Where is my …"`. */
export function titleOf({ model, messages, input }: Body): string {
  const last = [messages ?? input].flat().at(-1);
  const content = (last as { content?: unknown } | null | undefined)?.content ?? last ?? "";
  const text = typeof content === "string" ? content : JSON.stringify(content);
  const head = [...text.replace(/\s+/g, " ").trim()];
  return `${model}: "${head.slice(0, 60).join("")}${head.length > 60 ? "…" : ""}"`;
}
