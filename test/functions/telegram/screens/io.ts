import type { IoPage } from "../../../../functions/_shared/db.ts";
import { renderIo } from "../../../../functions/telegram/render/io.ts";
import { pageOf } from "../io_fixture.ts";
import { HOSTILE, id } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const params = {
  trace_id: id(2),
  step: 3,
  side: "request" as const,
  page: 0,
  back: { to: "traces" as const, first: id(1) },
};

const example = (title: string, text: string, page = 0, change: Partial<IoPage> = {}): Example => ({
  title,
  reply: renderIo(pageOf(text, page, change), { ...params, page }),
});

const prompt = `${
  JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "<b>Where</b> is /order @7?" }] }, null, 2)
}\n`;

export const examples: Example[] = [
  example("short", prompt),
  example("a response of another model's", "Your order #7 is on its way.", 0, {
    side: "response",
    response_chars: 28,
    previous_step: 2,
    next_step: 5,
  }),
  example("a page of 1 MB", prompt.repeat(10_000), 41, { previous_step: 2 }),
  example("the start of one that was cut", prompt.repeat(40), 0, { request_chars: 1_000_000, next_step: 4 }),
  example("one line without a break", "x".repeat(9000), 1),
  example("right to left", "מה שלום ההזמנה שלי? نظام الدعم الفني للعملاء\n".repeat(30)),
  example("emoji", "👩🏽‍❤️‍💋‍👨🏻 🙂 🇩🇪 ".repeat(200)),
  example("hostile text", HOSTILE.join("\n"), 0, { name: HOSTILE[1]!, model: HOSTILE[8]! }),
  example("not captured", "", 0, { text: null, stored_chars: null, request_chars: null }),
  { title: "nothing is kept", reply: renderIo(null, params) },
];
