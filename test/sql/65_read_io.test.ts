import type pg from "pg";
import { describe, expect } from "vitest";
import type { IoExport, IoPage, Refused } from "../../functions/_shared/db.ts";
import { AROUND_CHARS, PAGE_CHARS, pagesOf, pageText } from "../../functions/telegram/render/io_text.ts";
import { HOSTILE_NAMES } from "../_support/hostile.ts";
import { test } from "../_support/db.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace, traceIdAt } from "../_support/traces.ts";

const OPERATOR = 7001;
const VIEWER = 7002;

async function givenAdmins(db: pg.Client): Promise<void> {
  await db.query("insert into tracegram.admins (user_id, role) values ($1, 'operator'), ($2, 'viewer')", [
    OPERATOR,
    VIEWER,
  ]);
}

async function givenTrace(db: pg.Client, io: { step: number; request?: string; response?: string }[]): Promise<string> {
  const step = { name: "llm", model: "gpt-4o", status: "ok" as const, offset_ms: 0, duration_ms: 1 };
  const trace = makeTrace({ steps: Array.from({ length: 40 }, () => step), io });
  await ingest(db, await givenKey(db), [trace]);
  return trace.trace_id;
}

const read = (db: pg.Client, trace_id: string, over: Record<string, unknown> = {}) =>
  call<IoPage | Refused | null>(db, "service_role", "admin_trace_io", {
    p_actor: OPERATOR,
    p_trace_id: trace_id,
    p_step: 2,
    p_side: "request",
    p_page: 0,
    p_page_chars: PAGE_CHARS,
    p_around_chars: AROUND_CHARS,
    ...over,
  });

const audit = async (db: pg.Client) =>
  (await db.query("select user_id::int, action, detail, allowed from tracegram.admin_audit order by audit_id")).rows;

describe("admin_trace_io", () => {
  test("reads a page of one side, with its neighbours, and is noted", async ({ db }) => {
    await givenAdmins(db);
    const id = await givenTrace(db, [{ step: 1, request: "a" }, { step: 2, request: "one" }, {
      step: 9,
      response: "b",
    }]);
    expect(await read(db, id)).toEqual({
      step: 2,
      name: "llm",
      model: "gpt-4o",
      status: "ok",
      side: "request",
      request_chars: 3,
      response_chars: null,
      stored_chars: 3,
      page: 0,
      page_chars: PAGE_CHARS,
      from: 0,
      text: "one",
      previous_step: 1,
      next_step: 9,
    });
    expect(await read(db, id, { p_side: "response" })).toMatchObject({ text: null, stored_chars: null, page: 0 });
    expect(await audit(db)).toEqual(["request", "response"].map((side) => ({
      user_id: OPERATOR,
      action: "read_io",
      detail: { trace_id: id, step: 2, side, page: 0 },
      allowed: true,
    })));
  });

  test.for([VIEWER, 6666])("refuses %i, and notes that", async (actor, { db }) => {
    await givenAdmins(db);
    const id = await givenTrace(db, [{ step: 2, request: "one" }]);
    expect(await read(db, id, { p_actor: actor })).toEqual({ refused: "operator" });
    expect(await call(db, "service_role", "admin_export_io", { p_actor: actor, p_trace_id: id, p_after: 0 }))
      .toEqual({ refused: "operator" });
    expect((await audit(db)).map(({ user_id, allowed }) => ({ user_id, allowed }))).toEqual([
      { user_id: actor, allowed: false },
      { user_id: actor, allowed: false },
    ]);
  });

  test("knows nothing of what was not captured", async ({ db }) => {
    await givenAdmins(db);
    const id = await givenTrace(db, [{ step: 2, request: "one" }]);
    expect(await read(db, id, { p_step: 3 })).toBeNull();
    expect(await read(db, traceIdAt(Date.now()))).toBeNull();
  });

  const texts: Record<string, string> = {
    "1 MB of lines": "A line of the prompt, as it was sent.\n".repeat(28_000),
    "1 MB without an end": "x".repeat(1_048_576),
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈👋🏽 ".repeat(3000),
    "all scripts": HOSTILE_NAMES.map((name) => name.replaceAll("\0", "").replace(/[\u{D800}-\u{DFFF}]/gu, "")).join(
      "\n",
    )
      .repeat(40),
  };
  test.for(Object.entries(texts))("its pages are together what is stored: %s", async ([, text], { db }) => {
    await givenAdmins(db);
    const id = await givenTrace(db, [{ step: 2, request: text.slice(0, 900_000) }]);
    const stored = [...text.slice(0, 900_000)].slice(0, 65_536).join("");
    const first = await read(db, id) as IoPage;
    expect(first).toMatchObject({
      stored_chars: [...stored].length,
      request_chars: [...text.slice(0, 900_000)].length,
    });
    let whole = "";
    for (let page = 0; page < pagesOf(first.stored_chars!, first.page_chars); page++) {
      const io = await read(db, id, { p_page: page }) as IoPage;
      expect(io.page).toBe(page);
      expect([...io.text!].length).toBeLessThanOrEqual(io.page_chars + 2 * AROUND_CHARS);
      whole += pageText({ ...io, text: io.text!, stored: io.stored_chars! });
    }
    expect(whole === stored).toBe(true);
    const last = pagesOf(first.stored_chars!, first.page_chars) - 1;
    expect(await read(db, id, { p_page: 4095 })).toMatchObject({ page: last });
  });
});

test("admin_export_io reads all steps, 16 at a time", async ({ db }) => {
  await givenAdmins(db);
  const io = Array.from({ length: 40 }, (_, i) => ({ step: i + 1, request: `q${i}`, response: `r${i}` }));
  const id = await givenTrace(db, io);
  const found: IoExport["io"] = [];
  for (let more = true; more;) {
    const part: IoExport = await call(db, "service_role", "admin_export_io", {
      p_actor: OPERATOR,
      p_trace_id: id,
      p_after: found.at(-1)?.step ?? 0,
    });
    found.push(...part.io);
    more = part.more;
  }
  expect(found.map(({ step, request, response }) => ({ step, request, response }))).toEqual(io);
});

test("admin_note_export notes what an admin takes out, and refuses others", async ({ db }) => {
  await givenAdmins(db);
  const what = { of: "stats", hours: 24 };
  const note = (p_actor: number) => call(db, "service_role", "admin_note_export", { p_actor, p_what: what });
  expect([await note(VIEWER), await note(6666)]).toEqual([{}, { refused: "viewer" }]);
  expect(await audit(db)).toEqual([
    { user_id: VIEWER, action: "export", detail: what, allowed: true },
    { user_id: 6666, action: "export", detail: what, allowed: false },
  ]);
});
