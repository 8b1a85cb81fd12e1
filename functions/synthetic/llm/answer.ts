/**
 * What an answer tells of itself: its text, whether it is whole, tokens and cost.
 *
 * @module
 */
import { type Answer, readAnswer } from "../../../tracer/openai_answers.ts";
import { StreamedAnswer } from "../../../tracer/openai_stream.ts";
import { costOf, type PriceTable } from "../../../tracer/prices.ts";
import { hasOtherPrice, usageOf } from "../../../tracer/usage.ts";
import type { LlmCall } from "../../../tracer/handles.ts";
import { isSse, parseJson, readEvents } from "./sse.ts";

/** What the database's books take for one call: some two thousand dollars, or as many tokens. */
const MOST = 2 ** 31 - 1;

/** A bill that is higher is booked as the highest, which ends all spending. Null: it is none. */
export const bookable = (microusd: number | undefined): number | null =>
  Number.isSafeInteger(microusd) && microusd! >= 0 ? Math.min(microusd!, MOST) : null;

export interface AnswerFacts {
  /** It came to its end, and is no error. */
  whole: boolean;
  model: string;
  text: string;
  /** Of the provider, by which it tells later what the answer has cost. */
  id: string | undefined;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_microusd: number | null;
}

/** `Answer` where it is streamed and where it is not. */
type AnyAnswer = Answer & { id?: unknown; data?: unknown };

/** Never throws: what cannot be read is not whole. */
export function readFacts(text: string, contentType: string, asked: string, prices: PriceTable): AnswerFacts {
  try {
    return read(text, contentType, asked, prices);
  } catch {
    const unknown = { input_tokens: null, output_tokens: null, cost_microusd: null };
    return { whole: false, model: asked, text: "", id: undefined, ...unknown };
  }
}

function read(text: string, contentType: string, asked: string, prices: PriceTable): AnswerFacts {
  const { answer, id, ended } = isSse(contentType) ? readStream(text) : readPlain(text);
  const { record, error } = readAnswer(answer);
  const model = typeof record.model === "string" ? record.model : asked;
  const told = usageOf(record.usage);
  // A cost that makes no sense was told all the same, and so were tokens that make none: the table's would be a guess.
  const { cost: said = null } = Object(record.usage) as { cost?: unknown };
  const isPriced = said === null && !hasOtherPrice(record.usage) && areTokens(told);
  const priced = isPriced ? costOf({ ...told, model }, prices) : undefined;
  // What is free has tokens all the same.
  const cost = told.cost_microusd === 0 && !areTokens(told) ? undefined : told.cost_microusd ?? priced;
  return {
    whole: ended && error === undefined,
    model,
    text: textOf(record.response),
    id,
    input_tokens: count(told.input_tokens),
    output_tokens: count(told.output_tokens),
    cost_microusd: bookable(cost),
  };
}

function readPlain(text: string): { answer: AnyAnswer; id: string | undefined; ended: boolean } {
  const json = parseJson(text);
  const answer = (typeof json === "object" && json !== null ? json : {}) as AnyAnswer;
  const ended = [answer.choices, answer.output, answer.data].some(Array.isArray);
  return { answer, id: idOf(answer.id), ended };
}

export function readStream(text: string): { answer: AnyAnswer; id: string | undefined; ended: boolean } {
  const streamed = new StreamedAnswer();
  let id: string | undefined;
  let ended = false;
  let broken = false;
  for (const { data } of readEvents(text)) {
    if (data === undefined) continue;
    if (data.startsWith("[DONE]")) {
      ended = true;
      continue;
    }
    const event = parseJson(data) as Record<string, unknown> | null | undefined;
    if (typeof event !== "object" || event === null) {
      broken = true;
      continue;
    }
    // A provider that has failed on its way says so in an event of its own.
    if (event["error"]) broken = true;
    const response = event["response"] as AnyAnswer | undefined;
    id ??= idOf(event["id"]) ?? idOf(response?.id);
    ended ||= ["response.completed", "response.incomplete"].includes(String(event["type"]));
    streamed.add(event);
  }
  const choices = streamed.answer.choices ?? [];
  ended ||= choices.length > 0 && choices.every((choice) => choice?.finish_reason);
  return { answer: streamed.answer, id, ended: ended && !broken };
}

const idOf = (id: unknown) => typeof id === "string" && id !== "" ? id : undefined;
const textOf = (response: unknown) => typeof response === "string" ? response : JSON.stringify(response) ?? "";
/** A request has some. An embedding's answer has none, and says nothing of it. */
const areTokens = ({ input_tokens: input, output_tokens: output = 0, cached_tokens: cached = 0 }: LlmCall) =>
  count(input) !== null && input! > 0 && count(output) !== null && count(cached) !== null;
const count = (value: number | undefined) =>
  Number.isSafeInteger(value) && value! >= 0 && value! <= MOST ? value! : null;
