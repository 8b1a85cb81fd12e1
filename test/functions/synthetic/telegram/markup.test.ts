import { expect, test } from "vitest";
import { readInlineKeyboard } from "../../../../functions/synthetic/telegram/markup.ts";

const read = (markup: unknown) =>
  readInlineKeyboard({ values: new Map([["reply_markup", JSON.stringify(markup)]]), files: new Map() });
const data = (callback_data: unknown) => ({ inline_keyboard: [[{ text: "a", callback_data }]] });
const rows = (count: number, width: number) => ({
  inline_keyboard: Array.from({ length: count }, () => Array(width).fill({ text: "a", callback_data: "b" })),
});

test.each([
  ["64 bytes of data", data("é".repeat(32))],
  ["100 buttons, four a row", rows(25, 4)],
  ["8 buttons in a row", rows(1, 8)],
  ["a link", { inline_keyboard: [[{ text: "a", url: "https://example.org/" }]] }],
])("accepts %s", (_, markup) => expect(read(markup)).toEqual(markup));

test.each([[{}], [{ inline_keyboard: [] }], [{ inline_keyboard: [[], []] }]])("%j is no keyboard", (markup) => {
  expect(read(markup)).toBeUndefined();
});

test("what Telegram would not store is left out", () => {
  expect(read({ inline_keyboard: [[{ text: "a", callback_data: "b", junk: 1 }], []], junk: 2 })).toEqual({
    inline_keyboard: [[{ text: "a", callback_data: "b" }]],
  });
});

test.each([
  [data("é".repeat(32) + "x"), "BUTTON_DATA_INVALID"],
  [data(""), "BUTTON_DATA_INVALID"],
  [data(7), 'can\'t parse inline keyboard button: Field "callback_data" must be of type String'],
  [
    { inline_keyboard: [[{ text: "a" }]] },
    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  ],
  [
    { inline_keyboard: [[{ callback_data: "a" }]] },
    'can\'t parse inline keyboard button: Field "text" must be of type String',
  ],
  [{ inline_keyboard: [["a"]] }, "can't parse inline keyboard button: InlineKeyboardButton must be an Object"],
  [{ inline_keyboard: [[{ text: " ", callback_data: "b" }]] }, "BUTTON_TEXT_INVALID"],
  [
    { inline_keyboard: [[{ text: "a", url: "javascript:alert(1)" }]] },
    "inline keyboard button URL 'javascript:alert(1)' is invalid: Wrong HTTP URL",
  ],
  [{ inline_keyboard: [{}] }, 'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'],
  [{ inline_keyboard: null }, 'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array'],
  [null, "object expected as reply markup"],
  [{ keyboard: [["a"]] }, "this Bot API stand-in supports inline keyboards only"],
  [rows(26, 4), "reply markup is too long"],
  [rows(1, 9), "reply markup is too long"],
])("refuses %j", (markup, complaint) => {
  expect(() => read(markup)).toThrow(expect.objectContaining({ status: 400, message: `Bad Request: ${complaint}` }));
});

test("refuses what is no JSON", () => {
  const params = { values: new Map([["reply_markup", "{"]]), files: new Map() };
  expect(() => readInlineKeyboard(params)).toThrow("Bad Request: can't parse reply keyboard markup JSON object");
});
