/**
 * Rich messages as a `Message` carries them. Names and fields are Telegram's own (`RichMessage`, `RichBlock`, `RichText`);
 * blocks with media, maps and buttons are left out.
 *
 * @module
 */
export interface RichMessage {
  blocks: RichBlock[];
  is_rtl?: true;
}

export type RichText = string | RichText[] | RichSpan;

/** A text with a meaning. What else it carries depends on the type. */
export interface RichSpan {
  type: string;
  text?: RichText;
  url?: string;
  name?: string;
  anchor_name?: string;
  reference_name?: string;
  custom_emoji_id?: string;
  alternative_text?: string;
  expression?: string;
  unix_time?: number;
  date_time_format?: string;
}

export type RichBlock =
  | { type: "paragraph" | "footer"; text: RichText }
  | { type: "heading"; text: RichText; size: number }
  | { type: "pre"; text: RichText; language?: string }
  | { type: "divider" }
  | { type: "mathematical_expression"; expression: string }
  | { type: "anchor"; name: string }
  | { type: "list"; items: RichListItem[] }
  | { type: "blockquote"; blocks: RichBlock[]; credit?: RichText }
  | { type: "expandable_blockquote" | "pullquote"; text: RichText; credit?: RichText }
  | RichTable
  | { type: "details"; summary: RichText; blocks: RichBlock[]; is_open?: true };

export interface RichListItem {
  /** Such as `•` or `3.`. */
  label: string;
  blocks: RichBlock[];
  has_checkbox?: true;
  is_checked?: true;
  value?: number;
  type?: string;
}

export interface RichTable {
  type: "table";
  cells: RichCell[][];
  is_bordered?: true;
  is_striped?: true;
  is_compact?: true;
  caption?: RichText;
}

export interface RichCell {
  text?: RichText;
  is_header?: true;
  colspan?: number;
  rowspan?: number;
  align: "left" | "center" | "right";
  valign: "top" | "middle" | "bottom";
}
