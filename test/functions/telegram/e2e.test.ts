// Over 300 lines, because it is one chat: every test starts from the same empty stack, and starting one takes longest.
//
// The whole way: Telegram → gateway → function → PostgREST → Postgres and back, as admins see it. Each test starts with no
// traces and a chat without messages of its own.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodeAction } from "../../../functions/telegram/callback.ts";
import type { WireTrace } from "../../../tracer/wire.ts";
import { type AdminStack, buttonsOf, lastOf, pageOf, saidIn, startAdminStack } from "../../_support/admin.ts";
import { makeTrace } from "../../_support/traces.ts";

let stack: AdminStack;
let db: pg.Client;
beforeAll(async () => {
  stack = await startAdminStack();
  db = stack.client("postgres");
  await db.connect();
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});
beforeEach(async () => {
  stack.telegram.client.clearFaults();
  // Truncating every partition would take longer. The batches first: a fold that is at work is waited for.
  const written = [
    "batches",
    "rollups",
    "error_rollups",
    "gaps",
    "pipeline_traces",
    "ingest_usage",
    "admin_responses",
    "unended",
  ];
  await db.query(written.map((table) => `delete from tracegram.${table}`).join("; "));
});

/** `count` traces, p0 the newest, in threes of the same millisecond. */
async function givenTraces(count: number): Promise<void> {
  const now = Date.now() - 60_000;
  await stack.ingest(Array.from({ length: count }, (_, i) =>
    makeTrace({
      pipeline: `p${i}`,
      started_at: now - Math.floor(i / 3) * 1009,
      steps: [
        { name: "reply", offset_ms: 0, duration_ms: 1200 },
        { name: `think.${i}`, parent: 1, offset_ms: 100, duration_ms: 900 },
      ],
    })));
}

/** Names of the pipelines, newest first. */
async function stored(): Promise<string[]> {
  const { rows } = await db.query(
    "select pipeline from tracegram.pipeline_traces order by started_at desc, trace_id desc",
  );
  return rows.map((row) => row.pipeline);
}

/** Names of the pipelines on a page, in the order of their numbers. */
function listed(text: string): string[] {
  const rows = [...text.matchAll(/^(\d+) \S+ (\S+) · /gm)];
  expect(rows.map((row) => Number(row[1]))).toEqual(rows.map((_, i) => i + 1));
  return rows.map((row) => row[2]!);
}

/** Calls of the Bot API that the bot made while `act` ran. */
async function callsDuring(act: () => Promise<unknown>) {
  const { calls } = stack.telegram.client.records;
  const before = calls.length;
  await act();
  return calls.slice(before);
}

const told = (error_code: number, description: string, retry_after?: number) => ({
  kind: "respond" as const,
  status: error_code,
  body: { ok: false, error_code, description, ...(retry_after && { parameters: { retry_after } }) },
});

let nextUpdate = 1;
const admin = { id: 1001, is_bot: false, first_name: "Ada" };
/** An update as only Telegram sends it, of the command. */
const commanded = (from = admin, chat: object = { id: from.id, type: "private" }) => ({
  update_id: nextUpdate++,
  message: {
    message_id: 1,
    date: 0,
    from,
    chat,
    text: "/admin traces",
    entities: [{ type: "bot_command", offset: 0, length: 6 }],
  },
});
/** An update as only Telegram sends it, of a pressed button. */
const pressed = (message_id: number, data: string, from = admin, chat: object = { id: 1001, type: "private" }) => ({
  update_id: nextUpdate++,
  callback_query: { id: "1", from, chat_instance: "1", data, message: { message_id, date: 0, chat, text: "x" } },
});

describe("pages", () => {
  test("turn within one message, and show what is stored", async () => {
    await givenTraces(37);
    const all = await stored();
    const ada = stack.person();
    const count = ada.view().messages.length;
    const expectPage = (n: number, edits: number) => {
      const view = ada.view();
      expect(listed(lastOf(view).text!)).toEqual(all.slice((n - 1) * 10, n * 10));
      expect(lastOf(view).edit_count).toBe(edits);
      expect(view.messages).toHaveLength(count + 2); // the command and the answer
      const turns = [...(n > 1 ? ["⬅️ Prev"] : []), `Page ${n}/4`, ...(n < 4 ? ["Next ➡️"] : [])];
      const numbers = Array.from({ length: n < 4 ? 10 : 7 }, (_, i) => String(i + 1));
      const half = Math.ceil(numbers.length / 2);
      expect(buttonsOf(view).slice(0, 3)).toEqual([numbers.slice(0, half), numbers.slice(half), turns]);
    };

    await ada.say("/admin traces");
    expectPage(1, 0);
    for (
      const [edits, [label, page]] of Object.entries<[string, number]>([
        ["Next ➡️", 2],
        ["Next ➡️", 3],
        ["⬅️ Prev", 2],
        ["Next ➡️", 3],
        ["Next ➡️", 4],
        ["⬅️ Prev", 3],
        ["⬅️ Prev", 2],
        ["⬅️ Prev", 1],
      ])
    ) {
      await ada.press(label);
      expectPage(page, Number(edits) + 1);
    }
  });

  test("open a trace with its waterfall, and Back leads to the page it came from", async () => {
    await givenTraces(25);
    const all = await stored();
    const ada = stack.person();
    await ada.say("/admin traces");
    const page = lastOf(await ada.press("Next ➡️"));

    const detail = await ada.press("3");
    const { edit_count } = lastOf(detail);
    const rows = saidIn(detail).split("\n");
    expect(rows[0]).toBe(`✅ ${all[12]} · ok · 1.23 s`);
    expect(rows.slice(-3)).toEqual([
      "Step | Start | Took",
      "reply | 0 ms | 1.20 s",
      `· think.${all[12]!.slice(1)} | 100 ms | 900 ms`,
    ]);
    expect(buttonsOf(detail).flat()).toEqual(expect.arrayContaining(["⬅️ Traces", "🔄 Refresh", "🏠"]));

    await ada.press("⬅️ Traces");
    expect(lastOf(ada.view())).toMatchObject({
      message_id: page.message_id,
      text: page.text,
      reply_markup: page.reply_markup,
      edit_count: edit_count + 1,
    });
  });

  test("without a change stay as they are, and nobody is told that they were not modified", async () => {
    await givenTraces(25);
    const ada = stack.person();
    await ada.say("/admin traces");
    for (const [open, refresh] of [[null, "Page 1/3"], ["Next ➡️", "Page 2/3"], ["1", "🔄 Refresh"]]) {
      if (open) await ada.press(open);
      const before = ada.view();
      const calls = await callsDuring(() => ada.press(refresh!));
      expect(ada.view().messages).toEqual(before.messages);
      expect(calls.map(({ method }) => method)).toEqual(["answerCallbackQuery", "editMessageText"]);
      expect(calls[1]!.body).toMatchObject({ description: expect.stringContaining("message is not modified") });
    }
  });

  test("show a trace that arrived meanwhile, after Prev to the first", async () => {
    await givenTraces(15);
    const ada = stack.person();
    await ada.say("/admin traces");
    await ada.press("Next ➡️");
    await stack.ingest([makeTrace({ pipeline: "fresh" })]);
    const view = await ada.press("⬅️ Prev");
    expect(listed(lastOf(view).text!)).toEqual((await stored()).slice(0, 10));
    expect(listed(lastOf(view).text!)[0]).toBe("fresh");
    expect(pageOf(view)).toBe("Page 1/2");
  });

  test("show a trace while it runs, when it is lost, and its end when it has ended", async () => {
    const ended = makeTrace({ pipeline: "long" });
    const { duration_ms: _, ...running }: WireTrace = { ...ended, status: "running", steps: [] };
    await stack.ingest([running]);
    const ada = stack.person();
    expect(saidIn(await ada.say("/admin traces"))).toMatch(/^1 ⏳ long · running · /m);
    expect(saidIn(await ada.press("1"))).toMatch(/^⏳ long · running for \d/);
    // Its end has not come within a quarter of an hour. It may come after all.
    await db.query("select tracegram.mark_lost(now() + interval '16 minutes')");
    expect(saidIn(await ada.press("🔄 Refresh"))).toMatch(/^❓ long · lost\n[^]*its end has not come in time/);
    expect(saidIn(await ada.press("⬅️ Traces"))).toMatch(/^1 ❓ long · lost · /m);
    await ada.press("1");
    await stack.ingest([ended]);
    expect(saidIn(await ada.press("🔄 Refresh"))).toMatch(/^✅ long · ok · 1\.23 s/);
    expect(saidIn(await ada.press("⬅️ Traces"))).toMatch(/^1 ✅ long · 1\.23 s · /m);
  });

  test("without any trace say what to check, and Refresh shows the first one", async () => {
    const ada = stack.person();
    const view = await ada.say("/admin traces");
    expect(lastOf(view).text).toMatch(/^No traces in the last 30 days\.\n[^]*ingest key/);
    expect(buttonsOf(view)).toEqual([["🔄 Refresh", "🏠"]]);
    await givenTraces(1);
    expect(listed(lastOf(await ada.press("🔄 Refresh")).text!)).toEqual(["p0"]);
  });

  test("of each admin are their own", async () => {
    await givenTraces(25);
    const [ada, grace] = [stack.person(1001), stack.person(1002)];
    await Promise.all([ada.say("/admin traces"), grace.say("/admin traces")]);
    await ada.press("Next ➡️");
    expect([pageOf(ada.view()), pageOf(grace.view())]).toEqual(["Page 2/3", "Page 1/3"]);
  });
});

test.each(["/admin traces", "/admin  Traces ", "/admin@tracegram_admin_bot traces"])(
  "%j is understood by its text alone, also from a sender who does not mark commands",
  async (text) => {
    await givenTraces(1);
    const ada = stack.person();
    await ada.say("/start");
    const { update_id, message: { entities: _, ...message } } = commanded();
    expect((await stack.post({ update_id, message: { ...message, text } })).status).toBe(200);
    expect(lastOf(ada.view()).text).toMatch(/^Traces · last 30 days · 1\n/);
  },
);

test("each response is recorded: how long it is, how long its query took, and what Telegram held up", async () => {
  await givenTraces(15);
  const ada = stack.person();
  const responses: object[] = [];
  /** What Telegram holds of the response that has just been shown, as it is expected to be recorded. */
  const expectRecorded = async (screen: string, over: object = {}) => {
    const characters = saidIn(ada.view()).replaceAll(/ \| |\n/g, (gap) => screen.endsWith(".rich") ? "" : gap).length;
    responses.push({ screen, characters, query_ms: expect.any(Number), retry_after: null, ...over });
    const { rows } = await db.query(
      "select screen, characters, query_ms, retry_after from tracegram.admin_responses order by response_id",
    );
    expect(rows).toEqual(responses);
  };
  await ada.say("/start");
  await expectRecorded("home");
  await ada.say("/admin traces");
  await expectRecorded("traces");
  await ada.press("3");
  await expectRecorded("trace.rich");
  await ada.press("⬅️ Traces");
  await expectRecorded("traces");

  const { client } = stack.telegram;
  client.fault({ method: "editMessageText", fault: told(429, "Too Many Requests: retry after 1", 1) });
  await ada.press("Next ➡️");
  await expectRecorded("traces", { retry_after: 1 });
  // One that is given up is as long as it would have been.
  client.fault({ method: "editMessageText", fault: told(429, "Too Many Requests: retry after 90", 90) });
  await ada.press("Page 2/2");
  await expectRecorded("traces", { retry_after: 90 });

  // What Telegram delivers again is recorded once.
  const update = commanded();
  await stack.post(update);
  await stack.post(update);
  await expectRecorded("traces");
});

test("a button of an earlier version leads to a fresh screen", async () => {
  const ada = stack.person();
  const { message_id } = lastOf(await ada.say("/admin traces"));
  const { edit_count } = lastOf(await ada.forge("1l"));
  expect([lastOf(ada.view()).message_id, edit_count]).toEqual([message_id, 1]);
});

describe("an update that is delivered again", () => {
  test("is handled once", async () => {
    const ada = stack.person();
    await ada.say("/start");
    const update = commanded();
    const calls = await callsDuring(async () => {
      const answers = [await stack.post(update), await stack.post(update), await stack.post(update)];
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    });
    expect(calls.map((call) => call.method)).toEqual(["sendMessage"]);
  });

  test("is handled once, also when that is at the same moment", async () => {
    const ada = stack.person();
    await ada.say("/start");
    const update = commanded();
    const calls = await callsDuring(async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => stack.post(update)));
      const statuses = answers.map((answer) => answer.status);
      expect(statuses).toContain(200);
      // Who comes while it is handled must come again, for it may still fail.
      expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    });
    expect(calls.map((call) => call.method)).toEqual(["sendMessage"]);
    expect((await stack.post(update)).status).toBe(200);
  });
});

describe("when Telegram", () => {
  test("asks to wait before an edit, the bot waits, then edits", async () => {
    await givenTraces(15);
    const ada = stack.person();
    await ada.say("/admin traces");
    stack.telegram.client.fault({ method: "editMessageText", fault: told(429, "Too Many Requests: retry after 1", 1) });
    const calls = await callsDuring(() => ada.press("Next ➡️"));
    expect(calls.map(({ method, status }) => [method, status])).toEqual([
      ["answerCallbackQuery", 200],
      ["editMessageText", 429],
      ["editMessageText", 200],
    ]);
    expect(calls[2]!.at - calls[1]!.at).toBeGreaterThanOrEqual(1000);
    expect(pageOf(ada.view())).toBe("Page 2/2");
  });

  test("asks to wait for long, the page stays, and the next press works", async () => {
    await givenTraces(15);
    const ada = stack.person();
    const before = await ada.say("/admin traces");
    stack.telegram.client.fault({
      method: "editMessageText",
      fault: told(429, "Too Many Requests: retry after 90", 90),
    });
    const calls = await callsDuring(() => ada.press("Next ➡️"));
    expect(calls.map((call) => call.method)).toEqual(["answerCallbackQuery", "editMessageText"]);
    expect(ada.view().messages).toEqual(before.messages);
    expect(pageOf(await ada.press("Next ➡️"))).toBe("Page 2/2");
  });

  test("has lost the message, the page is a new one", async () => {
    await givenTraces(15);
    const ada = stack.person();
    const { message_id, reply_markup } = lastOf(await ada.say("/admin traces"));
    const next = reply_markup!.inline_keyboard.flat().find(({ text }) => text === "Next ➡️")!.callback_data!;
    const { telegram_api_root, telegram_bot_token } = stack.info;
    await fetch(`${telegram_api_root}/bot${telegram_bot_token}/deleteMessage?chat_id=1001&message_id=${message_id}`);
    expect((await stack.post(pressed(message_id, next))).status).toBe(200);
    expect(lastOf(ada.view()).message_id).toBeGreaterThan(message_id);
    expect(pageOf(ada.view())).toBe("Page 2/2");
  });

  test("cannot be reached, the answer comes with a redelivery", async () => {
    await givenTraces(15);
    const ada = stack.person();
    const { client } = stack.telegram;
    // The HTTP client tries a kept connection that was closed once more by itself.
    client.fault({ method: "sendMessage", fault: { kind: "drop", applied: false }, times: 4 });
    const [count, delivered] = [ada.view().messages.length, client.records.deliveries.length];
    const view = await ada.say("/admin traces");
    expect(view.messages).toHaveLength(count + 2);
    expect(client.records.deliveries.slice(delivered)[0]).toMatchObject({ attempt: 1, status: 500 });
    expect(pageOf(view)).toBe("Page 1/2");
  });

  test("answers with a server error, the page turns with a redelivery", async () => {
    await givenTraces(15);
    const ada = stack.person();
    await ada.say("/admin traces");
    stack.telegram.client.fault({ method: "editMessageText", fault: told(502, "Bad Gateway") });
    expect(pageOf(await ada.press("Next ➡️"))).toBe("Page 2/2");
  });

  test("did as told and its answer was lost, the page has turned once", async () => {
    await givenTraces(35);
    const ada = stack.person();
    await ada.say("/admin traces");
    stack.telegram.client.fault({ method: "editMessageText", fault: { kind: "drop", applied: true } });
    const view = await ada.press("Next ➡️");
    expect([pageOf(view), lastOf(view).edit_count]).toEqual(["Page 2/4", 1]);
  });

  test("does not take the end of the spinner, the page turns all the same", async () => {
    await givenTraces(15);
    const ada = stack.person();
    await ada.say("/admin traces");
    stack.telegram.client.fault({
      method: "answerCallbackQuery",
      fault: told(400, "Bad Request: query is too old and response timeout expired or query ID is invalid"),
    });
    expect(pageOf(await ada.press("Next ➡️"))).toBe("Page 2/2");
  });
});

test("Telegram takes its time to end the spinner, and the page does not wait for it", async () => {
  await givenTraces(15);
  const ada = stack.person();
  await ada.say("/admin traces");
  stack.telegram.client.fault({ method: "answerCallbackQuery", fault: { kind: "delay", ms: 6000 } });
  const pressed = ada.press("Next ➡️");
  await stack.telegram.client.until(ada.chat, (view) => pageOf(view) === "Page 2/2", 4000);
  await pressed;
});

describe("ten presses of Next in a row", () => {
  test("within a second, delivered one after the other: the last is shown, with at most two edits", async () => {
    await givenTraces(120);
    const { rows } = await db.query(
      "select trace_id from tracegram.pipeline_traces order by started_at desc, trace_id desc",
    );
    const page = (n: number) =>
      encodeAction({ screen: "traces", cursor: { direction: "from", trace_id: rows[(n - 1) * 10].trace_id } });
    const ada = stack.person(1003);
    const { message_id } = lastOf(await ada.say("/admin traces"));
    const calls = await callsDuring(() =>
      stack.hurried(
        Array.from({ length: 10 }, (_, i) => () =>
          stack.telegram.client.press({ chat: ada.chat, message_id, data: page(i + 2), forged: true })),
      )
    );
    expect(pageOf(ada.view())).toBe("Page 11/12");
    expect(calls.filter(({ method }) => method === "answerCallbackQuery")).toHaveLength(10);
    expect(calls.filter(({ method }) => method === "editMessageText").length).toBeLessThanOrEqual(2);
    expect(calls.filter(({ status }) => status !== 200)).toEqual([]);
  });

  test("on one and the same page, over several connections: it turns once", async () => {
    await givenTraces(120);
    const all = await stored();
    const ada = stack.person();
    const { message_id, reply_markup } = lastOf(await ada.say("/admin traces"));
    const next = reply_markup!.inline_keyboard.flat().find(({ text }) => text === "Next ➡️")!.callback_data!;
    const calls = await callsDuring(async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => stack.post(pressed(message_id, next))));
      expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
    });
    expect(listed(lastOf(ada.view()).text!)).toEqual(all.slice(10, 20));
    expect(lastOf(ada.view()).edit_count).toBe(1);
    expect(calls.filter((call) => call.status === 429)).toEqual([]);
  });
});
