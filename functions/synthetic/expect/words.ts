/**
 * Messages as a person reads them.
 *
 * @module
 */
import type { CallRecord } from "../telegram/bot_api.ts";
import type { Message } from "../telegram/types.ts";

/** Its text, its caption, or what a rich message says; empty of a file alone. */
export const wordsOf = ({ text, caption, rich_message }: Message): string =>
  text ?? caption ?? (rich_message ? blocksText(rich_message.blocks) : "");

/** With what else is to be seen of it. */
export function shownOf(message: Message): string {
  const media = message.photo ? "[photo]" : message.document ? `[document ${message.document.file_name ?? ""}]` : "";
  return [media, wordsOf(message)].filter((part) => part !== "").join(" ");
}

export const buttonsOf = (message: Message | undefined): string[] =>
  message?.reply_markup?.inline_keyboard.flat().map(({ text }) => text) ?? [];

/** What is shown for a moment where a button was pressed. */
export const toastsOf = (calls: readonly CallRecord[]): string[] =>
  calls.filter(({ method, status, params }) => method === "answerCallbackQuery" && status === 200 && params["text"])
    .map(({ params }) => params["text"]!);

const PARTS = ["label", "summary", "text", "expression", "caption", "items", "cells", "blocks", "credit"];

/** A line for each block, list item and row. */
const blocksText = (blocks: readonly object[]): string =>
  blocks.map((block) => plain(block, "\n")).filter((line) => line !== "").join("\n");

function plain(node: unknown, between = ""): string {
  if (typeof node === "string") return node;
  if (Array.isArray(node)) return node.map((part) => plain(part, Array.isArray(part) ? " " : "")).join(between);
  if (typeof node !== "object" || node === null) return "";
  const said = PARTS.map((part) => [part, (node as Record<string, unknown>)[part]] as const)
    .filter(([, value]) => value !== undefined)
    .map(([part, value]) => plain(value, ["items", "cells", "blocks"].includes(part) ? "\n" : ""));
  return said.join("label" in node ? " " : "\n").trim();
}
