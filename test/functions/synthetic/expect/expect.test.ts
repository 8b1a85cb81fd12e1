// What each expectation says when it is not met; met, none of them says anything.
import assert from "node:assert/strict";
import { describe, expect, test } from "vitest";
import { expectError, expectErrorAnywhere } from "../../../../functions/synthetic/expect/errors.ts";
import { unmetOf } from "../../../../functions/synthetic/expect/expect.ts";
import type { Held } from "../../../../functions/synthetic/expect/met.ts";
import type { Expect } from "../../../../functions/synthetic/scenario.ts";
import type { CallRecord } from "../../../../functions/synthetic/telegram/bot_api.ts";
import { aTrace, held } from "./_support.ts";

const keyboard = { inline_keyboard: [[{ text: "Buy", callback_data: "b" }], [{ text: "Leave", callback_data: "l" }]] };
const said = held({ text: "Order 17\nis on its way", reply_markup: keyboard });
const inJson = held({ text: '{"items": [{"id": 1, "tags": ["a"]}, {"id": 2}], "note": "two"}' });
const ran = held({ text: "x" }, { traces: [aTrace(["classify", "orders"]), aTrace(["answer"])] });
const spent = held({ text: "x" }, { duration_ms: 900, cost_microusd: 1234, tokens: 50 });

describe("met", () => {
  const cases: [Expect, Held][] = [
    [
      { text: { equals: "order 1", contains: "der", not_contains: "lost", matches: "order \\d+$" } },
      held({ text: "order 1" }),
    ],
    [{ text: [{ contains: "17" }, { matches: "/^order \\d+$/im" }, { not_contains: "18" }] }, said],
    [{ text: { equals: "under it" } }, held({ photo: [], caption: "under it" })],
    [
      { text: { equals: "Title\n• one\n• two\na b" } },
      held({
        rich_message: {
          blocks: [
            { type: "heading", text: ["Ti", { type: "bold", text: "tle" }], size: 1 },
            {
              type: "list",
              items: ["one", "two"].map((text) => ({ label: "•", blocks: [{ type: "paragraph", text }] })),
            },
            { type: "table", cells: [["a", "b"].map((text) => ({ text, align: "left", valign: "top" }))] },
          ],
        },
      }),
    ],
    [{ buttons: ["Leave"] }, said],
    [{ json: { path: "$.reply_markup.inline_keyboard[*][*].text", equals: "Buy", count: 2 } }, said],
    [{
      json: [{ of: "text", path: "$.items[?@.id > 1]", count: 1 }, {
        of: "text",
        path: "$.items[0]",
        equals: { tags: ["a"], id: 1 },
      }],
    }, inJson],
    [
      { json: [{ of: "text", path: "$.nothing", count: 0 }, { of: "text", path: "$.note", matches: "/TWO/i" }] },
      inJson,
    ],
    [{ json: { of: "text", path: "$.a", equals: null } }, held({ text: '```json\n{"a": null}\n```' })],
    [{ json: { of: "trace", path: "$.steps[0].name", equals: "answer" } }, ran],
    [{ steps: ["classify", "answer"], not_steps: ["refund"], max_step_ms: { orders: 200, refund: 1 } }, ran],
    [{ max_step_ms: { orders: 1 } }, { ...ran, live: false }],
    [{ max_duration_ms: 900, max_cost_usd: 0.001234, max_tokens: 50 }, spent],
    [{ check: ({ tokens }) => assert.equal(tokens, 50) }, spent],
  ];
  test.each(cases)("%j", async (expected, against) => {
    expect(await unmetOf(expected, against)).toEqual([]);
  });
});

describe("not met", () => {
  const cases: [string, Expect, Held, string, string[] | undefined][] = [
    ["text", { text: { equals: "Order 18\nis on its way\nto you" } }, said, "The text is not what it should be", [
      "- Order 18",
      "+ Order 17",
      "  is on its way",
      "- to you",
    ]],
    ["text", { text: { contains: "refund" } }, said, 'The text does not contain "refund"', [
      "- refund",
      "+ Order 17",
      "+ is on its way",
    ]],
    ["text", { text: { not_contains: "way" } }, said, 'The text contains "way", which it must not', [
      "+ Order 17",
      "+ is on its way",
    ]],
    ["text", { text: { matches: "/^order \\d+$/" } }, said, "The text does not match /^order \\d+$/", [
      "- /^order \\d+$/",
      "+ Order 17",
      "+ is on its way",
    ]],
    ["text", { text: { contains: "a" } }, held(undefined), "There is no text: the bot has said nothing", undefined],
    ["buttons", { buttons: ["Buy", "Sell"] }, said, 'There is no button "Sell"', ["  Buy", "- Sell", "+ Leave"]],
    ["buttons", { buttons: ["A", "B"] }, held(undefined), 'There are no buttons "A", "B"', ["- A", "- B"]],
    ["json", { json: { path: "$.caption" } }, said, "$.caption of the message finds nothing", undefined],
    ["json", { json: { path: "$.caption", equals: "a" } }, said, "$.caption of the message finds nothing", ['- "a"']],
    ["json", { json: { of: "text", path: "$.items", count: 2 } }, inJson, "$.items of the text finds 1, and not 2", [
      '+ [{"id":1,"tags":["a"]},{"id":2}]',
    ]],
    [
      "json",
      { json: { of: "text", path: "$.items[1]", equals: { id: 3 } } },
      inJson,
      "$.items[1] of the text is not what it should be",
      [
        "  {",
        '-   "id": 3',
        '+   "id": 2',
        "  }",
      ],
    ],
    [
      "json",
      { json: { of: "text", path: "$.note", matches: "^one" } },
      inJson,
      "$.note of the text does not match ^one",
      [
        "- ^one",
        "+ two",
      ],
    ],
    ["json", { json: { of: "text", path: "$" } }, held({ text: "no" }), "The text is no JSON: ", ["+ no"]],
    ["json", { json: { of: "trace", path: "$" } }, said, "There is no trace", undefined],
    ["json", { json: { path: "$" } }, held(undefined), "There is no message: the bot has said nothing", undefined],
    ["steps", { steps: ["classify", "answer", "orders"] }, ran, "The step orders did not run after answer", [
      "  classify",
      "- answer",
      "  orders",
      "+ answer",
    ]],
    ["steps", { steps: ["refund"] }, ran, "The step refund did not run", [
      "- refund",
      "+ classify",
      "+ orders",
      "+ answer",
    ]],
    ["not_steps", { not_steps: ["answer", "refund"] }, ran, "Must not have run: answer", [
      "+ classify",
      "+ orders",
      "+ answer",
    ]],
    ["max_step_ms", { max_step_ms: { orders: 199 } }, ran, "orders took 200 ms, more than 199 ms", undefined],
    ["max_duration_ms", { max_duration_ms: 899 }, spent, "It took 900 ms, more than 899 ms", undefined],
    ["max_cost_usd", { max_cost_usd: 0.001233 }, spent, "It cost $0.001234, more than $0.001233", undefined],
    ["max_cost_usd", { max_cost_usd: 1 }, held({}, { cost_microusd: null }), "What it cost is not known", undefined],
    ["max_tokens", { max_tokens: 49 }, spent, "It took 50 tokens, more than 49", undefined],
    ["check", { check: () => assert.equal(1, 2) }, spent, "Expected values to be strictly equal:", ["1 !== 2"]],
    ["max_cost_usd", { max_cost_usd: 1e-7 }, spent, "It cost $0.001234, more than $1e-7", undefined],
    ["check", { check: () => Promise.reject("plain") }, spent, "It threw plain", undefined],
    ["check", { check: () => Promise.reject(undefined) }, spent, "It threw undefined", undefined],
  ];
  test.each(cases)("%s %j", async (expectation, expected, against, message, diff) => {
    const failures = await unmetOf(expected, against);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toEqual({ expectation, message: expect.stringContaining(message), ...(diff && { diff }) });
    expect(failures[0]!.message.split("\n")).toHaveLength(1);
  });

  test("everything that is wrong, in the order of the expectations", async () => {
    const failures = await unmetOf(
      { max_tokens: 1, steps: ["x"], text: [{ contains: "a" }, { contains: "b" }] },
      spent,
    );
    expect(failures.map(({ expectation }) => expectation)).toEqual(["text", "text", "steps", "max_tokens"]);
  });
});

describe("error", () => {
  const failed = aTrace([], { status: "error", error: "400: Bad Request: chat not found" });
  const call = (status: number, description: string): CallRecord => ({
    at: 0,
    bot: 1,
    method: "sendMessage",
    params: {},
    status,
    body: { ok: false, description },
  });
  const refused = held({}, { traces: [failed], calls: [call(400, "Bad Request: chat not found")] });

  test("what a refused call leads to is told once", () => {
    const thrown = [{ what: "A handler has failed", said: "400: Bad Request: chat not found" }];
    expect(expectError(refused, thrown, undefined)).toEqual([
      { expectation: "telegram", message: "Telegram refused sendMessage: 400: Bad Request: chat not found" },
    ]);
  });

  test("an expectation covers the trace, the call and the handler, of the turn or of the conversation", () => {
    const thrown = [{ what: "A handler has failed", said: "400: Bad Request: chat not found" }];
    expect(expectError(refused, thrown, "chat not found")).toEqual([]);
    expect(expectError(refused, thrown, undefined, "chat not found")).toEqual([]);
    expect(expectErrorAnywhere(refused, "chat not found")).toEqual([]);
    expect(expectErrorAnywhere(refused, "rain")).toEqual([
      { expectation: "error", message: 'No trace has the error "rain"' },
    ]);
  });

  test("an error that was to come and did not", () => {
    expect(expectError(held({}), [], "rain")).toEqual([
      { expectation: "error", message: 'No trace has the error "rain": no trace has failed' },
    ]);
  });
});
