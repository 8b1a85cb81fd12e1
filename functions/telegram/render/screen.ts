import type { Action } from "../callback.ts";
import type { Html } from "./html.ts";

export interface Button {
  label: string;
  action: Action;
}

/** The way to the first screen. */
export const HOME: Button = { label: "🏠", action: { screen: "home" } };

/** A message as it will be shown, with its buttons in rows under it. */
export interface Screen {
  /** For the log. */
  name: string;
  html: string;
  /** Visible UTF-16 units of `html`. */
  chars: number;
  keyboard: Button[][];
  /** It is sent as a new message: the one whose button was pressed stays as it is. */
  fresh?: true;
  /** Of at most 200 characters: a press is answered with it, over the chat, and its message stays as it is. */
  toast?: string;
  /**
   * Asked once it has been shown in place of a message that others edit, too, or of which more will be known: what to show now;
   * null: it is as it should be.
   */
  again?: () => Promise<Screen | null>;
  /** The same screen as a rich message, for the chats where the server accepts them. */
  rich?: Rich;
}

/** A rich message (Bot API 10.1), in the HTML of `InputRichMessage`. */
export interface Rich {
  html: string;
  /** Visible UTF-16 units of `html`; Telegram takes 32,768. */
  chars: number;
}

/** A picture that takes the message's place. Its caption is Telegram HTML of at most 1,024 visible UTF-16 units. */
export interface Picture extends Screen {
  png: Uint8Array;
}

/** A file that is sent beside the message, which stays as it is but for a line of progress. */
export interface Export {
  /** For the log. */
  name: string;
  filename: string;
  /** Pieces of the file, made as they are read. @throws What reading them throws. */
  content(progress: (line: string) => void): AsyncIterable<Uint8Array>;
  /** Shown above the file once it is complete. */
  caption: string;
}

/** What an action is answered with. */
export type Reply = Screen | Picture | Export;

/** Most buttons of a row that are a number each. */
const NUMBERS_PER_ROW = 5;

/** A button for each, labelled 1, 2 …, in rows of about the same length. */
export function numberRows(actions: readonly Action[]): Button[][] {
  const rows = Math.ceil(actions.length / NUMBERS_PER_ROW);
  const perRow = Math.ceil(actions.length / Math.max(1, rows));
  const buttons = actions.map((action, i): Button => ({ label: String(i + 1), action }));
  return Array.from({ length: rows }, (_, row) => buttons.slice(row * perRow, (row + 1) * perRow));
}

/** Rows without buttons are left out. */
export function screen(name: string, message: Html, keyboard: Button[][]): Screen {
  return { name, html: message.html, chars: message.length, keyboard: keyboard.filter((row) => row.length > 0) };
}
