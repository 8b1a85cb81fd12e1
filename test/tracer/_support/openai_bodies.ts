// Answers in OpenAI's words, whole and as events.
import type { Body } from "./openai_rules.ts";

/** What the model says. */
export interface Said {
  text?: string;
  reasoning?: string;
  tool_calls?: { id: string; name: string; arguments: string }[];
  finish_reason?: string;
  model?: string;
  usage?: Usage;
}

export interface Usage {
  input: number;
  cached: number;
  output: number;
  reasoning: number;
}

const CREATED = 1_756_600_000;

export function chatUsage({ input, cached, output, reasoning }: Usage, more: Body = {}): Body {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0 },
    ...more,
  };
}

export function responsesUsage({ input, cached, output, reasoning }: Usage): Body {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

const calls = (said: Said) => said.tool_calls?.map(({ id, ...fn }) => ({ id, type: "function", function: fn }));
const finish = (said: Said) => said.finish_reason ?? (said.tool_calls ? "tool_calls" : "stop");

export function chatCompletion(model: string, said: Said, usage: Body, n = 1): Body {
  const message = {
    role: "assistant",
    content: said.text ?? null,
    refusal: null,
    annotations: [],
    ...(said.tool_calls && { tool_calls: calls(said) }),
    ...(said.reasoning && { reasoning: said.reasoning }),
  };
  const choices = Array.from(
    { length: n },
    (_, index) => ({ index, message, logprobs: null, finish_reason: finish(said) }),
  );
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: CREATED,
    model,
    choices,
    usage,
    service_tier: "default",
  };
}

/** In pieces of three characters. */
const pieces = (text = "") => text.match(/.{1,3}/gsu) ?? [];

/** @param usage Of the last chunk, which comes only when it was asked for. */
export function chatChunks(model: string, said: Said, usage: Body | undefined): Body[] {
  const base = { id: "chatcmpl-1", object: "chat.completion.chunk", created: CREATED, model, service_tier: "default" };
  const chunk = (delta: Body, finish_reason: string | null = null) => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(usage && { usage: null }),
  });
  return [
    chunk({ role: "assistant", content: "", refusal: null }),
    ...pieces(said.reasoning).map((reasoning) => chunk({ reasoning })),
    ...pieces(said.text).map((content) => chunk({ content })),
    ...(said.tool_calls ?? []).flatMap(({ id, name, arguments: args }, index) => [
      chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ...pieces(args).map((part) => chunk({ tool_calls: [{ index, function: { arguments: part } }] })),
    ]),
    chunk({}, finish(said)),
    ...(usage ? [{ ...base, choices: [], usage }] : []),
  ];
}

const textPart = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });

function outputItems(said: Said): Body[] {
  const items: Body[] = [];
  if (said.reasoning) items.push({ id: "rs_1", type: "reasoning", summary: [] });
  if (said.text !== undefined) {
    items.push({
      id: "msg_1",
      type: "message",
      status: "completed",
      role: "assistant",
      content: [textPart(said.text)],
    });
  }
  for (const { id, ...fn } of said.tool_calls ?? []) {
    items.push({ id: `fc_${id}`, type: "function_call", status: "completed", call_id: id, ...fn });
  }
  return items;
}

export function responseBody(model: string, said: Said, usage: Usage): Body {
  const cut = said.finish_reason === "length";
  return {
    id: "resp_1",
    object: "response",
    created_at: CREATED,
    status: cut ? "incomplete" : "completed",
    error: null,
    incomplete_details: cut ? { reason: "max_output_tokens" } : null,
    model,
    output: outputItems(said),
    service_tier: "default",
    usage: responsesUsage(usage),
  };
}

export function responseEvents(model: string, said: Said, usage: Usage): Body[] {
  const whole = responseBody(model, said, usage);
  const begun = { ...whole, status: "in_progress", output: [], usage: null, incomplete_details: null };
  const events: Body[] = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
  ];
  for (const [output_index, item] of (whole.output as Body[]).entries()) {
    const at = { output_index, item_id: item.id };
    const empty = item.type === "message" ? { content: [] } : item.type === "function_call" ? { arguments: "" } : {};
    events.push({
      type: "response.output_item.added",
      output_index,
      item: { ...item, status: "in_progress", ...empty },
    });
    if (item.type === "message") {
      const part = { ...at, content_index: 0 };
      events.push({ type: "response.content_part.added", ...part, part: textPart("") });
      for (const delta of pieces(said.text)) events.push({ type: "response.output_text.delta", ...part, delta });
      events.push({ type: "response.output_text.done", ...part, text: said.text });
    }
    if (item.type === "function_call") {
      for (const delta of pieces(item.arguments)) {
        events.push({ type: "response.function_call_arguments.delta", ...at, delta });
      }
    }
    events.push({ type: "response.output_item.done", output_index, item });
  }
  events.push({ type: `response.${whole.status}`, response: whole });
  return events.map((event, sequence_number) => ({ ...event, sequence_number }));
}
