import { expect, test } from "vitest";
import { StreamedAnswer } from "../../tracer/openai_stream.ts";

/** Which of the events brought a token, and what they make together. */
function assemble(...events: object[]) {
  const streamed = new StreamedAnswer();
  const written = events.map((event) => streamed.add(event));
  return { written, answer: streamed.answer };
}

const chunk = (delta: object, more: object = {}) => ({ model: "m", choices: [{ index: 0, delta, ...more }] });

test("chat: a role is no token; text, reasoning and tool calls are", () => {
  const { written, answer } = assemble(
    chunk({ role: "assistant", content: "" }),
    chunk({ reasoning: "hm" }),
    chunk({ content: "He", role: "assistant" }),
    chunk({ content: "y" }),
    chunk({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "find", arguments: "" } }] }),
    chunk({ tool_calls: [{ index: 0, id: "", function: { arguments: '{"a":' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] }),
    chunk({ tool_calls: [{ index: 1, id: "call_2", type: "custom", custom: { name: "say", input: "hi" } }] }),
    chunk({}, { finish_reason: "tool_calls" }),
    { model: "m", choices: [], usage: { prompt_tokens: 1 } },
  );
  expect(written).toEqual([false, true, true, true, true, true, true, true, false, false]);
  expect(answer).toEqual({
    model: "m",
    usage: { prompt_tokens: 1 },
    choices: [{
      index: 0,
      finish_reason: "tool_calls",
      message: {
        role: "assistant",
        content: "Hey",
        reasoning: "hm",
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "find", arguments: '{"a":1}' } },
          { id: "call_2", type: "custom", custom: { name: "say", input: "hi" } },
        ],
      },
    }],
  });
});

test("chat: several choices, interleaved", () => {
  const of = (index: number, content: string) => ({ choices: [{ index, delta: { content } }] });
  const { answer } = assemble(of(1, "b"), of(0, "a"), of(1, "B"), of(0, "A"));
  expect(answer.choices!.map((choice) => choice.message!["content"])).toEqual(["aA", "bB"]);
});

test("responses: broken off, there is what came so far", () => {
  const { written, answer } = assemble(
    { type: "response.created", response: { model: "m", status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item: { type: "message", content: [] } },
    { type: "response.output_text.delta", output_index: 0, delta: "He" },
    { type: "response.output_text.delta", output_index: 0, delta: "y" },
    {
      type: "response.output_item.added",
      output_index: 1,
      item: { type: "function_call", name: "find", arguments: "" },
    },
    { type: "response.function_call_arguments.delta", output_index: 1, delta: '{"a":' },
  );
  expect(written).toEqual([false, false, true, true, false, true]);
  expect(answer).toEqual({
    model: "m",
    status: "in_progress",
    output: [
      { type: "message", content: [{ type: "output_text", text: "Hey" }] },
      { type: "function_call", name: "find", arguments: '{"a":' },
    ],
  });
});

test("responses: the last event has everything; an error event is the answer's error", () => {
  const whole = { model: "m", status: "completed", output: [{ type: "message" }], usage: { input_tokens: 1 } };
  const done = assemble(
    { type: "response.output_text.delta", output_index: 0, delta: "He" },
    { type: "response.completed", response: whole },
  );
  expect(done.answer).toEqual(whole);
  const failed = assemble({ type: "error", code: "server_error", message: "broken" });
  expect(failed.answer.error).toEqual({ message: "broken" });
  expect(assemble({ type: "error", code: "server_error" }).answer.error).toEqual({ message: "server_error" });
});
