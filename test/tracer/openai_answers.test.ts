import { describe, expect, test } from "vitest";
import { type Answer, readAnswer } from "../../tracer/openai_answers.ts";
import { hasOtherPrice } from "../../tracer/usage.ts";

const usage = { input_tokens: 10, output_tokens: 5 };
const message = { type: "message", content: [{ type: "output_text", text: "Hello!" }] };
const call = { type: "function_call", name: "find_order", arguments: "{}" };

describe("what the table of prices cannot know", () => {
  test.each<[boolean, Answer]>([
    [false, { usage, output: [{ type: "reasoning" }, message, call] }],
    [true, { usage, output: [{ type: "web_search_call" }, message] }],
    [true, { usage, output: [message], service_tier: "flex" }],
    [true, { usage, choices: [], service_tier: "priority" }],
    [false, { usage, choices: [], service_tier: "default" }],
    [false, { usage, choices: [], service_tier: null }],
  ])("%s: %j", (other, answer) => {
    expect(hasOtherPrice(readAnswer(answer).record.usage)).toBe(other);
  });
});

describe("the response", () => {
  test.each<[unknown, Answer]>([
    ["Hello!", { output: [{ type: "reasoning", summary: [] }, message], status: "completed" }],
    ["Hello!", { choices: [{ message: { role: "assistant", content: "Hello!", refusal: null, annotations: [] } }] }],
    [undefined, { usage }],
    [{ status: "completed", output: [message, call] }, { status: "completed", output: [message, call] }],
    [
      { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output: [message] },
      { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output: [message] },
    ],
    [{ refusal: "No.", content: null, finish_reason: "stop" }, {
      choices: [{ message: { refusal: "No.", content: null }, finish_reason: "stop" }],
    }],
  ])("%j", (response, answer) => {
    expect(readAnswer(answer).record.response).toEqual(response);
  });
});

test("an error that comes as an answer, as OpenRouter's do when the provider behind it fails", () => {
  expect(readAnswer({ error: { message: "Provider returned error", code: 502 } }).error).toBe(
    "Provider returned error",
  );
  expect(readAnswer({ error: { code: 502 } }).error).toBe("502");
  expect(readAnswer({ error: null, choices: [] })).not.toHaveProperty("error");
});
