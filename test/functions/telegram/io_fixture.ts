/** A page of a request or response as the database returns it. */
import type { IoPage } from "../../../functions/_shared/db.ts";
import { AROUND_CHARS, PAGE_CHARS } from "../../../functions/telegram/render/io_text.ts";

/** What the RPC would answer with: as in sql/65_read_io.sql. */
export function pageOf(text: string, page: number, change: Partial<IoPage> = {}): IoPage {
  const characters = [...text];
  const page_chars = /[\u{10000}-\u{10FFFF}]/u.test(text) ? PAGE_CHARS / 2 : PAGE_CHARS;
  const from = Math.max(0, page * page_chars - AROUND_CHARS);
  return {
    step: 3,
    name: "llm.answer",
    model: "gpt-4o",
    status: "ok",
    side: "request",
    request_chars: characters.length,
    response_chars: 5,
    stored_chars: characters.length,
    page,
    page_chars,
    from,
    text: characters.slice(from, (page + 1) * page_chars + AROUND_CHARS).join(""),
    previous_step: null,
    next_step: null,
    ...change,
  };
}
