// A trace on its way to an admin: its screen, its texts page by page, its picture, and its files.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type AdminStack, buttonsOf, lastOf, type Person, saidIn, startAdminStack } from "../../_support/admin.ts";
import { hostileTrace } from "../../_support/hostile.ts";
import { makeTrace } from "../../_support/traces.ts";

let stack: AdminStack;
let db: pg.Client;
let ada: Person;
const PROMPT = Array.from({ length: 9000 }, (_, i) => `${i}. Where is my order, @support? <b>${i}</b>\n`).join("")
  .slice(0, 400_000);
const trace = makeTrace({
  pipeline: "support",
  status: "error",
  error: "429 rate limited",
  started_at: Date.now() - 60_000,
  duration_ms: 60_000,
  steps: Array.from({ length: 200 }, (_, i) => ({
    name: `tool.${i + 1}`,
    offset_ms: i * 300,
    duration_ms: 250,
    ...(i === 149 && { status: "error" as const, error: "429 rate limited" }),
  })),
  io: [{ step: 150, request: PROMPT, request_chars: 1_048_576, response: "שלום 👩‍👩‍👧‍👦 <i>" }, {
    step: 3,
    request: "hello",
  }],
});

beforeAll(async () => {
  stack = await startAdminStack();
  db = stack.client("postgres");
  await db.connect();
  ada = stack.person();
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});

// Tests run in any order, each on this one trace.
beforeEach(async () => {
  await db.query(
    "delete from tracegram.trace_io; delete from tracegram.pipeline_traces; delete from tracegram.batches",
  );
  await db.query("delete from tracegram.rollups; delete from tracegram.admin_audit");
  await stack.ingest([trace]);
  await ada.say("/admin traces");
  await ada.press("1");
});

/** The bytes of the last file in the chat. */
function fileOf(view: ReturnType<Person["view"]>): Uint8Array {
  const message = view.messages.findLast((m) => m.document || m.photo)!;
  const id = message.document?.file_id ?? message.photo!.at(-1)!.file_id;
  return stack.telegram.client.file(id)!.content;
}

const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

describe("one trace", () => {
  test("its texts are read from page to page, and each reading is in the audit", async () => {
    expect(buttonsOf(ada.view())[0]).toEqual(["❌ 150 tool.150", "💬 3 tool.3"]);
    let view = await ada.press("❌ 150 tool.150");
    expect(lastOf(view).text).toMatch(
      /^💬 tool\.150 · step 150\nRequest · first 65,536 of 1,048,576 characters\n\n0\. Where/,
    );
    expect(lastOf(view).entities!.map(({ type }) => type)).toContain("expandable_blockquote");
    const seen: string[] = [];
    for (let page = 1; page <= 26; page++) {
      expect(buttonsOf(view)[1]).toContain(`Page ${page}/26`);
      seen.push(lastOf(view).text!.split("\n\n").slice(1).join("\n\n"));
      if (page < 26) view = await ada.press("Next ➡️");
    }
    // Telegram takes the white space at the ends of a message away.
    expect(seen.map((page) => page.trim()).join("\n")).toBe(PROMPT.slice(0, 65_536).trim());

    view = await ada.press("Response");
    expect(lastOf(view).text).toContain("\n\nשלום 👩‍👩‍👧‍👦 <i>");
    view = await ada.press("⏮ Step 3");
    expect(lastOf(view).text).toContain("\n\nNo response was captured.");
    view = await ada.press("⬅️ Trace");
    expect(saidIn(view)).toContain("429 rate limited");

    const { rows } = await db.query(
      "select count(*)::int as n from tracegram.admin_audit where action = 'read_io' and user_id = 1001 and allowed",
    );
    expect(rows[0].n).toBe(28);
  });

  test("its picture takes the text's place, light or dark, and gives it back", async () => {
    let view = await ada.press("🖼 Picture");
    const light = fileOf(view);
    expect(Buffer.from(light.subarray(1, 4)).toString()).toBe("PNG");
    expect(Buffer.from(light).readUInt32BE(16)).toBe(1080);
    expect(lastOf(view).caption).toMatch(/^❌ support · error · 1 m 00 s\n/);
    view = await ada.press("🌙 Dark");
    expect(Buffer.from(fileOf(view)).equals(light)).toBe(false);
    view = await ada.press("📝 Text");
    expect(saidIn(view)).toMatch(/❌.*support.*error · 1 m 00 s/);
  });

  test("its file has all that is stored of it, texts included", async () => {
    const view = await ada.press("📤 JSON");
    const file = JSON.parse(text(fileOf(view)));
    expect(file).toMatchObject({ trace_id: trace.trace_id, pipeline: "support", io_capped: false });
    expect(file.steps).toHaveLength(200);
    expect(file.io).toEqual([
      { step: 3, request: "hello", request_chars: 5, response: null, response_chars: null },
      {
        step: 150,
        request: PROMPT.slice(0, 65_536),
        request_chars: 1_048_576,
        response: "שלום 👩‍👩‍👧‍👦 <i>",
        response_chars: 16,
      },
    ]);
    const sent = view.messages.findLast((message) => message.document)!;
    expect(sent.document!.file_name).toBe(`trace-${trace.trace_id}.json`);
    expect(sent.caption).toBe("Trace of support, 200 steps, with the texts of 2.");
    const { rows } = await db.query("select action, detail from tracegram.admin_audit where action = 'export'");
    expect(rows).toEqual([{ action: "export", detail: { of: "trace", trace_id: trace.trace_id } }]);
  });
});

test("a viewer has neither button nor file with what was said", async () => {
  await db.query("insert into tracegram.admins (user_id, role) values (7100, 'viewer')");
  stack.telegram.client.addUser({ id: 7100, first_name: "Vera" });
  const vera = stack.person(7100);
  await vera.say("/admin traces");
  await vera.press("1");
  expect(buttonsOf(vera.view()).flat().filter((label) => label.startsWith("💬"))).toEqual([]);
  const file = JSON.parse(text(fileOf(await vera.press("📤 JSON"))));
  expect(file.trace_id).toBe(trace.trace_id);
  expect(file.io).toBeUndefined();
});

test("hostile traces are opened and drawn, each", async () => {
  await stack.ingest(Array.from({ length: 10 }, (_, n) => hostileTrace(n, Date.now() - 1000)));
  for (let n = 0; n < 10; n++) {
    await ada.say("/admin traces");
    await ada.press(String(n + 1));
    const view = await ada.press("🖼 Picture");
    expect(lastOf(view).photo).toBeDefined();
  }
});
