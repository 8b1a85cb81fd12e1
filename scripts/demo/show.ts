/** A message in a terminal, as Telegram shows it: the text, and the buttons below. */
import type { ShownMessage } from "./person.ts";

export function showMessage({ from, text = "", reply_markup }: ShownMessage): string {
  const buttons = (reply_markup?.inline_keyboard ?? []).map((row) => row.map(({ text }) => `[ ${text} ]`).join(" "));
  const body = [...text.split("\n"), "", ...buttons].map((line) => `│ ${line}`.trimEnd());
  return [`╭─ ${from.first_name} ${"─".repeat(34)}`, ...body, `╰${"─".repeat(40)}`].join("\n");
}
