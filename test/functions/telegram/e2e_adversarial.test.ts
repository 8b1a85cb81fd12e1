// 5,000 traces of a foreign sender who names things to do harm, walked page by page on the strict Bot API.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AdminStack, buttonsOf, lastOf, pageOf, saidIn, startAdminStack } from "../../_support/admin.ts";
import { HOSTILE_NAMES, hostileTrace } from "../../_support/hostile.ts";

const TRACES = 5000;
const PER_BATCH = 250;
/** Blocks and spans that a trace's rich message is made of. */
const RICH_TYPES = new Set(["heading", "paragraph", "blockquote", "table", "details", "bold", "code"]);

let stack: AdminStack;
beforeAll(async () => {
  stack = await startAdminStack();
  const db = stack.client("postgres");
  await db.connect();
  await db.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
  await db.end();
  const newest = Date.now() - 60_000;
  for (let sent = 0; sent < TRACES; sent += PER_BATCH) {
    await stack.ingest(Array.from({ length: PER_BATCH }, (_, i) => hostileTrace(sent + i, newest)));
  }
});
afterAll(() => stack?.end());

test(
  "every page and trace is accepted by Telegram, within its limits, and nothing in it is markup of theirs",
  async () => {
    const ada = stack.person();
    let shown = "";
    const pages = 1.5 * HOSTILE_NAMES.length;
    await ada.say("/admin traces");
    for (let page = 1; page <= pages; page++) {
      expect(pageOf(ada.view())).toBe(`Page ${page}/500`);
      expectHarmless();
      expect(lastOf(ada.view()).text!.match(/^\d+ (?:✅|❌) .* · /gm)).toHaveLength(10);
      await ada.press(String(page % 10 + 1));
      expect(buttonsOf(ada.view()).flat()).toContain("⬅️ Traces");
      expectHarmless();
      await ada.press("⬅️ Traces");
      await ada.press("Next ➡️");
    }
    const message = lastOf(ada.view());
    expect([ada.view().messages.length, message.edit_count]).toEqual([2, 3 * pages]);
    const refused = stack.telegram.client.records.calls.filter((call) => call.status !== 200);
    expect(refused).toEqual([]);
    // And what looks like markup is there to read, letter by letter.
    const markup = HOSTILE_NAMES.filter((name) => /^[<&]/.test(name));
    for (const name of markup) expect(shown).toContain(name.slice(0, 15));

    function expectHarmless(): void {
      const { entities = [], rich_message, reply_markup } = lastOf(ada.view());
      const text = saidIn(ada.view());
      expect(text.length).toBeLessThanOrEqual(rich_message ? 32_768 : 3500);
      expect(entities.filter(({ type }) => !["bold", "code", "pre"].includes(type))).toEqual([]);
      const spans = [...JSON.stringify(rich_message ?? {}).matchAll(/"type":"(\w+)"/g)].map(([, type]) => type!);
      expect(spans.filter((type) => !RICH_TYPES.has(type))).toEqual([]);
      shown += text;
      // Nothing that could turn or overprint what stands beside it.
      // deno-lint-ignore no-control-regex
      expect(text).not.toMatch(/[\u202A-\u202E\u2066\u2067\u0000-\u0009\u000B-\u001F]|\p{M}{4}/u);
      for (const { callback_data } of reply_markup!.inline_keyboard.flat()) {
        expect(Buffer.byteLength(callback_data!)).toBeLessThanOrEqual(64);
      }
    }
  },
  120_000,
); // Each press comes so soon after the one before that it waits for one more.
