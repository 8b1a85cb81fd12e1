/**
 * A streamed answer for who has asked for a plain one, and the other way round: both have the same key, since the answer is.
 *
 * @module
 */
import type { Answer, OutputItem } from "../../../tracer/openai_answers.ts";
import { readStream } from "./answer.ts";

/** Of a stream, as JSON. */
export function asPlain(text: string): string {
  const { answer, id } = readStream(text);
  if (answer.output !== undefined) return JSON.stringify(answer);
  const choices = (answer.choices ?? []).map((choice) => ({
    ...choice,
    message: { role: "assistant", content: null, ...choice.message },
  }));
  return JSON.stringify({ id, object: "chat.completion", ...answer, choices });
}

/** Of a plain answer, as events. */
export function asStream(text: string): string {
  const answer = JSON.parse(text) as Answer & { id?: string; created?: number };
  return answer.choices === undefined ? responseEvents(answer) : chatEvents(answer);
}

function chatEvents({ id, created, model, choices = [], usage }: Answer & { id?: string; created?: number }): string {
  const head = { id, object: "chat.completion.chunk", created, model };
  const events = choices.flatMap(({ index = 0, message = {}, finish_reason }) => {
    const calls = message["tool_calls"];
    const delta = Array.isArray(calls)
      ? { ...message, tool_calls: calls.map((call, index) => ({ index, ...call })) }
      : message;
    return [
      { ...head, choices: [{ index, delta, finish_reason: null }] },
      { ...head, choices: [{ index, delta: {}, finish_reason: finish_reason ?? "stop" }] },
    ];
  });
  const told = usage ? [{ ...head, choices: [], usage }] : [];
  return [...events, ...told].map((event) => `data: ${JSON.stringify(event)}\n\n`).join("") + "data: [DONE]\n\n";
}

/** Those that clients read: the text piece by piece, and the whole at the end. */
function responseEvents(response: Answer): string {
  const begun = { ...response, status: "in_progress", output: [] };
  const events = [
    { type: "response.created", response: begun },
    ...(response.output ?? []).flatMap(outputEvents),
    { type: response.status === "incomplete" ? "response.incomplete" : "response.completed", response },
  ];
  return events.map((event, sequence_number) =>
    `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`
  ).join("");
}

function outputEvents(item: OutputItem, output_index: number): { type: string; [field: string]: unknown }[] {
  const begun = item.type === "message" ? { ...item, content: [] } : item;
  const texts = (item.type === "message" ? item.content ?? [] : []).flatMap((part, content_index) => {
    const place = { item_id: item["id"], output_index, content_index };
    return [
      { type: "response.content_part.added", ...place, part: { ...part, text: "" } },
      { type: "response.output_text.delta", ...place, delta: part.text ?? "" },
      { type: "response.content_part.done", ...place, part },
    ];
  });
  return [
    { type: "response.output_item.added", output_index, item: begun },
    ...texts,
    { type: "response.output_item.done", output_index, item },
  ];
}
