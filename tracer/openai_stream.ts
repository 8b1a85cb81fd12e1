/**
 * Puts a streamed answer together again, event by event. Nothing is kept of an event but what the answer will hold.
 *
 * @module
 */
import { type Answer, type Choice, hasContent, type OutputItem } from "./openai_answers.ts";

/** A chunk of a chat completion, or an event of a response. */
interface Event extends Omit<Answer, "choices"> {
  choices?: { index?: number; delta?: Delta | null; finish_reason?: string | null }[];
  type?: string;
  response?: Answer;
  output_index?: number;
  item?: OutputItem;
  delta?: string;
  message?: string;
  code?: string;
}

interface Delta {
  role?: string;
  tool_calls?: ToolCall[] | null;
  [field: string]: unknown;
}

interface ToolCall {
  index?: number;
  [field: string]: unknown;
}

/** More choices, tool calls or output items than any answer has: an index beyond it is nonsense. */
const MAX_PARTS = 1000;

export class StreamedAnswer {
  /** What has come so far, in the shape of an answer that was not streamed. */
  answer: Answer = {};

  /** Adds an event. @returns Whether it brought something that the model has written. */
  add(event: Event): boolean {
    if (event.choices !== undefined) return this.#addChunk(event);
    return event.type === undefined ? false : this.#addEvent(event, event.type);
  }

  #addChunk({ model, usage, service_tier, choices = [] }: Event): boolean {
    const { answer } = this;
    if (model) answer.model = model;
    if (usage) answer.usage = usage;
    if (service_tier) answer.service_tier = service_tier;
    answer.choices ??= [];
    let written = false;
    for (const { index = 0, delta, finish_reason } of choices) {
      if (index >= MAX_PARTS) continue;
      const choice: Choice = answer.choices[index] ??= { index, message: {} };
      if (finish_reason) choice.finish_reason = finish_reason;
      for (const [field, value] of Object.entries(delta ?? {})) {
        written = (field !== "role" && hasContent(value)) || written;
        addField(choice.message!, field, value);
      }
    }
    return written;
  }

  #addEvent(event: Event, type: string): boolean {
    const { response, output_index = 0, item } = event;
    if (output_index >= MAX_PARTS) return false;
    // The first ones have the model, the last one has everything.
    if (response !== undefined) {
      this.answer = { ...response, output: response.output?.length ? response.output : this.#output };
    } else if (type === "error") this.answer.error = { message: event.message ?? String(event.code) };
    else if (item !== undefined) this.#output[output_index] = { ...item };
    else if (type.endsWith(".delta") && typeof event.delta === "string") this.#addDelta(event, type);
    return type.endsWith(".delta");
  }

  #addDelta({ output_index = 0, delta = "" }: Event, type: string): void {
    const item = this.#output[output_index] ??= {};
    if (type === "response.function_call_arguments.delta") item["arguments"] = text(item["arguments"]) + delta;
    if (type === "response.output_text.delta") {
      item.content = [{ type: "output_text", text: text(item.content?.[0]?.text) + delta }];
    }
  }

  get #output(): OutputItem[] {
    return this.answer.output ??= [];
  }
}

function addField(message: Record<string, unknown>, field: string, value: unknown): void {
  if (field === "tool_calls" && Array.isArray(value)) {
    const calls = message[field] = (message[field] ?? []) as ToolCall[];
    for (const { index = calls.length, ...part } of value as ToolCall[]) {
      if (index < MAX_PARTS) addCall(calls[index] ??= {}, part);
    }
  } else if (typeof value === "string" && field !== "role") {
    message[field] = text(message[field]) + value;
  } else if (hasContent(value)) {
    message[field] = value;
  }
}

/** What is called, in `function` or `custom`, comes in pieces; id and type once, and then perhaps again, empty. */
function addCall(call: ToolCall, part: ToolCall): void {
  for (const [field, value] of Object.entries(part)) {
    if (typeof value === "object" && value !== null) {
      const whole = (call[field] ??= {}) as Record<string, unknown>;
      for (const [name, piece] of Object.entries(value)) whole[name] = text(whole[name]) + text(piece);
    } else if (hasContent(value)) {
      call[field] = value;
    }
  }
}

const text = (value: unknown): string => typeof value === "string" ? value : "";
