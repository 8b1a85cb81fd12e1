import type { Action } from "../callback.ts";
import type { Html } from "./html.ts";

export interface Button {
  label: string;
  action: Action;
}

/** A message as it will be shown, with its buttons in rows under it. */
export interface Screen {
  /** For the log. */
  name: string;
  html: string;
  /** Visible UTF-16 units of `html`. */
  chars: number;
  keyboard: Button[][];
}

/** Rows without buttons are left out. */
export function screen(name: string, message: Html, keyboard: Button[][]): Screen {
  return { name, html: message.html, chars: message.length, keyboard: keyboard.filter((row) => row.length > 0) };
}
