// Over 300 lines, because it is one list: a method each, in the order of db.ts.
//
// Each method once, on the real PostgREST: what goes out reaches its parameter, and what comes back has the type that it says.
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDb, type Db, type ListOptions, type ListView } from "../../../functions/_shared/db.ts";
import type { WireTrace } from "../../../tracer/wire.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { makeTrace } from "../../_support/traces.ts";
import { aPress, CLAIMED } from "../../_support/updates.ts";

let stack: TestStack;
let sql: pg.Client;
let db: Db;
/** Ten minutes ago. */
const now = Date.now() - 600_000;
const llm = { name: "llm", offset_ms: 0, duration_ms: 40, model: "m", input_tokens: 100, output_tokens: 10 };
const TRACES = {
  plain: makeTrace({ pipeline: "plain", started_at: now, chat_id: 1, user_id: 1, duration_ms: 50 }),
  dear: makeTrace({
    pipeline: "dear",
    started_at: now - 1,
    chat_id: 2,
    user_id: 1,
    message_id: 77,
    duration_ms: 60,
    steps: [{ ...llm, cached_tokens: 90, reasoning_tokens: 4, cost_microusd: 700 }],
  }),
  cheap: makeTrace({
    pipeline: "cheap",
    started_at: now - 2,
    duration_ms: 40,
    steps: [{ ...llm, parent: 7, cost_microusd: 3 }],
  }),
  failed: makeTrace({
    pipeline: "failed",
    started_at: now - 3,
    duration_ms: 9000,
    status: "error",
    error: "Rate LIMIT 17",
    release: "r2",
    steps: [{ ...llm, status: "error" }],
  }),
  old: makeTrace({ pipeline: "old", started_at: now - 3 * 3_600_000, duration_ms: 10, steps: [] }),
} satisfies Record<string, WireTrace>;

beforeAll(async () => {
  stack = await startTestStack();
  sql = stack.client("postgres");
  await sql.connect();
  db = createDb(stack.info.api_url, stack.info.service_role_key);
  expect(await db.ingestTraces(stack.info.ingest_key, Object.values(TRACES))).toMatchObject({ stored: 5, rejected: 0 });
});
afterAll(async () => {
  await sql?.end();
  await stack?.end();
});

const iso = (epochMs: number) => new Date(epochMs).toISOString();

describe("listTraces", () => {
  test.each<[string, Partial<ListOptions>, string[]]>([
    ["nothing", {}, ["plain", "dear", "cheap", "failed", "old"]],
    ["a limit", { limit: 2 }, ["plain", "dear"]],
    ["slowest first", { order: "slowest" }, ["failed", "dear", "plain", "cheap", "old"]],
    ["dearest first", { order: "dearest" }, ["dear", "cheap"]],
    ["a status", { status: "error" }, ["failed"]],
    ["a pipeline", { pipeline: "cheap" }, ["cheap"]],
    ["a user", { userId: 1 }, ["plain", "dear"]],
    ["a chat", { chatId: 2 }, ["dear"]],
    ["a least duration", { minDurationMs: 50 }, ["plain", "dear", "failed"]],
    ["a release", { release: "r2" }, ["failed"]],
    ["an error", { error: "limit" }, ["failed"]],
    ["a start", { from: iso(now - 3_600_000) }, ["plain", "dear", "cheap", "failed"]],
    ["an end", { to: iso(now - 3_600_000) }, ["old"]],
    ["a cursor", { cursor: { direction: "older", trace_id: TRACES.cheap.trace_id } }, ["failed", "old"]],
    ["a cursor of its own", { cursor: { direction: "from", trace_id: TRACES.failed.trace_id } }, ["failed", "old"]],
  ])("by %s", async (_, options, expected) => {
    const { traces } = await db.listTraces({ limit: 10, ...options });
    expect(traces.map(({ pipeline }) => pipeline)).toEqual(expected);
  });

  test("says where the page is, and where the next one goes on", async () => {
    const first = await db.listTraces({ limit: 2 });
    expect(first).toMatchObject({
      from: expect.stringMatching(/T00:00:00\.000Z$/),
      to: expect.stringMatching(/Z$/),
      page: 1,
      page_exact: true,
      pages: 3,
      total: 5,
      total_exact: true,
      has_newer: false,
      has_older: true,
      older_cursor: TRACES.dear.trace_id,
      searched_to: null,
    });
    const next = await db.listTraces({ limit: 2, cursor: { direction: "older", trace_id: first.older_cursor! } });
    expect(next).toMatchObject({ page: 2, has_newer: true, older_cursor: TRACES.failed.trace_id });
  });
});

test("getTrace: a step that is ok says nothing of it, and an orphan keeps the parent that it named", async () => {
  const { steps } = (await db.getTrace(TRACES.cheap.trace_id))!;
  expect(steps).toEqual(TRACES.cheap.steps);
  expect((await db.getTrace(TRACES.failed.trace_id))!.steps).toMatchObject([{ status: "error" }]);
  expect(await db.getTrace(makeTrace().trace_id)).toBeNull();
});

test("traceStats: a window, and the one before", async () => {
  const percentile = expect.any(Number);
  const percentiles = { p50_ms: percentile, p95_ms: percentile, p99_ms: percentile };
  const { window, before, ...rest } = await db.traceStats({ from: iso(now - 3_600_000), to: iso(now + 600_000) });
  const bounds = { from: expect.stringMatching(/Z$/), to: expect.stringMatching(/Z$/), per_hour: expect.any(Number) };
  expect(window).toEqual({
    ...bounds,
    ...percentiles,
    count: 4,
    errors: 1,
    error_rate: 0.25,
    input_tokens: 300,
    cached_tokens: 90,
    output_tokens: 30,
    reasoning_tokens: 4,
    cost_microusd: 703,
    unpriced_calls: 1,
  });
  expect(before).toEqual({
    ...bounds,
    ...{ p50_ms: null, p95_ms: null, p99_ms: null },
    ...{ count: 0, errors: 0, error_rate: null, unpriced_calls: 0, cost_microusd: null },
    ...{ input_tokens: null, cached_tokens: null, output_tokens: null, reasoning_tokens: null },
  });
  const { pipelines, slowest_steps, top_errors, ...counts } = rest;
  expect(counts).toEqual({ running: 0, lost: 0 });
  expect(pipelines).toContainEqual(
    { pipeline: "dear", count: 1, errors: 0, mean_ms: 60, cost_microusd: 700, ...percentiles },
  );
  expect(slowest_steps).toContainEqual(
    { pipeline: "dear", step: "llm", count: 1, errors: 0, mean_ms: 40, cost_microusd: 700, ...percentiles },
  );
  expect(top_errors).toEqual([
    { pipeline: "failed", step: "llm", kind: "Rate LIMIT #", count: 1, before: 0, example: TRACES.failed.trace_id },
  ]);
  expect((await db.traceStats()).window.count).toBe(5);
});

test("listView: a filter, its id, a change and a cursor", async () => {
  const names = (view: ListView) => view.traces.map(({ pipeline }) => pipeline);
  const first = await db.listView({ filter: { user_id: 1 }, limit: 1 });
  expect(first).toMatchObject({ filter: { user_id: 1 }, filter_lost: false, total: 2, has_older: true });
  const filterId = first.filter_id!;
  const cursor = { direction: "older", trace_id: first.older_cursor! } as const;
  expect(names(await db.listView({ filterId, cursor, limit: 1 }))).toEqual(["dear"]);
  expect(names(await db.listView({ filterId, change: { order: "slowest" }, limit: 9 }))).toEqual(["dear", "plain"]);
  expect(await db.listView({ filterId: "unknown0", limit: 9 })).toMatchObject({ filter_lost: true, total: 5 });
  // deno-lint-ignore no-explicit-any -- what no caller of ours sends
  await expect(db.listView({ filter: { colour: "red" } as any, limit: 9 })).rejects.toMatchObject({
    code: "TG055",
    status: 400,
  });
});

test("traceSeries and overview: a window in stretches, and how things stand", async () => {
  const { points, ...window } = await db.traceSeries({ from: iso(now - 3_600_000), to: iso(now + 600_000), points: 7 });
  expect(window).toEqual({ from: expect.stringMatching(/Z$/), to: expect.stringMatching(/Z$/), bucket_s: 600 });
  expect(points).toHaveLength(7);
  expect(points.reduce((sum, point) => sum + point.count, 0)).toBe(4);
  expect(points.find((point) => point.count > 0)).toEqual({
    at: expect.stringMatching(/Z$/),
    count: expect.any(Number),
    errors: expect.any(Number),
    p50_ms: expect.any(Number),
    p95_ms: expect.any(Number),
    cost_microusd: 703,
  });
  expect((await db.traceSeries()).points).toHaveLength(24);
  expect(await db.overview()).toMatchObject({
    window: { count: 5, errors: 1, cost_microusd: 703, unpriced_calls: 1 },
    before: { count: 0 },
    storage: { quota_bytes: 500_000_000, days_until_full: null },
    alerts: { open: 0, newest: [] },
    keys: 1,
    last_batch_at: expect.stringMatching(/Z$/),
  });
});

test("errorGroups and traceStorage", async () => {
  expect(await db.errorGroups({ from: iso(now - 3_600_000), to: iso(now + 600_000) })).toEqual({
    from: expect.stringMatching(/Z$/),
    to: expect.stringMatching(/Z$/),
    errors: 1,
    errors_before: 0,
    count: 4,
    kinds: 1,
    groups: [{
      pipeline: "failed",
      step: "llm",
      kind: "Rate LIMIT #",
      count: 1,
      before: 0,
      example: TRACES.failed.trace_id,
      first_at: expect.stringMatching(/Z$/),
    }],
  });
  expect((await db.errorGroups()).count).toBe(5);
  await sql.query("select tracegram.fold_batches()"); // it reads what is folded
  expect(await db.traceStorage()).toMatchObject({
    quota_bytes: 500_000_000,
    settings: { trace_days: 30 },
    guard: { io_sample_percent: null, steps: [] },
    gaps: { orphan_steps: 1, no_steps: 1, dropped: { records: expect.any(Number) } },
  });
});

test("findTrace and traceOfMessage", async () => {
  const { trace_id } = TRACES.old;
  expect(await db.findTrace(trace_id.slice(0, 9))).toEqual({ trace_id });
  const several = await db.findTrace(TRACES.plain.trace_id.slice(0, 8));
  expect(several).toMatchObject({ more: false, candidates: [{ pipeline: "plain" }, {}, {}, { pipeline: "failed" }] });
  expect(await db.findTrace("0000")).toBeNull();
  const message = { chat_id: 2, message_id: 77, sent_at: null };
  expect(await db.traceOfMessage(message)).toEqual({ trace_id: TRACES.dear.trace_id, exact: true });
  expect(await db.traceOfMessage({ ...message, message_id: 78 })).toBeNull();
});

test("ingestTraces takes a report, and traceGaps tells what its sender has dropped", async () => {
  const sender = crypto.randomUUID();
  const report = { sender, dropped: { queue_full: 2, refused: 1 }, traces: [TRACES.plain] };
  expect(await db.ingestTraces(stack.info.ingest_key, report)).toMatchObject({ duplicate: 1 });
  const at = expect.stringMatching(/Z$/);
  const { dropped } = await db.traceGaps();
  expect(dropped).toEqual({
    records: 3,
    reasons: [{ reason: "queue_full", records: 2 }, { reason: "refused", records: 1 }],
    senders: [{
      sender,
      key: expect.any(String),
      records: 3,
      reasons: report.dropped,
      first_seen_at: at,
      last_seen_at: at,
    }],
  });
});

test("defineSteps and traceGaps: what is missing, and which steps nobody has named", async () => {
  expect(await db.defineSteps({ "llm.generate": "Writing …" })).toBe(1);
  await sql.query("select tracegram.fold_batches()"); // it notes the examples
  const hour = { from: iso(now - 3_600_000), to: iso(now + 600_000) };
  const gaps = await db.traceGaps(hour);
  expect(gaps).toEqual({
    from: hour.from,
    to: hour.to,
    orphan_steps: 1,
    no_steps: 0,
    lost: 0,
    running: 0,
    dropped: { records: 0, reasons: [], senders: [] },
    unknown_steps: ["cheap", "dear", "failed"].map((pipeline) => ({ pipeline, step: "llm", count: 1 })),
    examples: [{
      gap: "orphan_step",
      trace_id: TRACES.cheap.trace_id,
      started_at: iso(now - 2),
      pipeline: "cheap",
      detail: expect.any(String),
    }],
  });
  expect((await db.traceGaps()).no_steps).toBe(1);
  expect(await db.defineSteps({})).toBe(0);
  expect((await db.traceGaps(hour)).unknown_steps).toEqual([]);
  await expect(db.defineSteps({ "": null })).rejects.toMatchObject({
    code: "TG021",
    status: 400,
    hint: expect.stringContaining("nothing was changed"),
  });
});

test("changeSettings and getSettings: what is named is changed, a secret is never read, and nonsense is refused", async () => {
  const before = await db.getSettings();
  expect(before).toEqual({
    trace_days: 30,
    io_days: 7,
    io_sample_percent: 100,
    guard_io_sample_percent: null,
    quota_bytes: 500_000_000,
    lost_after: "00:15:00",
    traces_from: expect.any(String),
    io_from: expect.any(String),
    alert_url: null,
    alert_secret_set: false,
    synthetic_run_cap_microusd: 1_000_000,
    synthetic_day_cap_microusd: 3_000_000,
    synthetic_month_cap_microusd: 20_000_000,
    synthetic_concurrency: 2,
  });
  const url = "https://example.com/alerts";
  const after = { ...before, io_days: 3, lost_after: "00:05:00", alert_url: url, alert_secret_set: true };
  const changes = { io_days: 3, lost_after: "5 minutes", alert_url: url, alert_secret: "s3cret" };
  expect(await db.changeSettings(changes)).toEqual(after);
  expect(await db.getSettings()).toEqual(after);
  await expect(db.changeSettings({ io_days: 400 })).rejects.toMatchObject({ code: "TG020", status: 400 });
  expect(await db.getSettings()).toEqual(after);
});

test("claimUpdate, takeLane and finishUpdate: the responses go with the end", async () => {
  const head = aPress(5);
  expect(await db.claimUpdate(head, { wrong_secret: 2 })).toEqual(CLAIMED);
  expect(await db.takeLane(5)).toBe("yours");
  const responses = [{ screen: "traces", characters: 9, query_ms: null, retry_after: 2 }];
  await db.finishUpdate(5, true, { responses, richRefused: true });
  expect(await db.claimUpdate(head)).toEqual({ claim: "done" });
  expect(await db.claimUpdate({ ...head, update_id: 6 })).toMatchObject({ rich: false });
  const { rows } = await sql.query("select screen, characters, query_ms, retry_after from tracegram.admin_responses");
  expect(rows).toEqual([{ screen: "traces", characters: 9, query_ms: null, retry_after: 2 }]);
});

test("admins, groups, refusals and the audit", async () => {
  await db.claimUpdate(aPress(7, { chat_id: 7 }));
  expect(await db.setAdmin(1001, 5, "viewer", false)).toEqual({ was: null, role: "viewer" });
  expect(await db.setAdmin(5, 5, "owner", false)).toEqual({ refused: "owner" });
  await expect(db.setAdmin(1001, 5, "root" as never, false)).rejects.toMatchObject({ code: "TG050", status: 400 });
  expect(await db.allowChat(1001, -100, true)).toEqual({ allowed: true });
  expect(await db.refuseAction(5, "operator", "alert", { act: "mute_1h" })).toBe(false);
  await db.countRefusals({ stranger: 2 });
  const { admins, chats, refusals } = await db.listAdmins();
  expect(admins.map(({ user_id, role }) => [user_id, role])).toEqual([[1001, "owner"], [5, "viewer"]]);
  expect(chats.map(({ chat_id }) => chat_id)).toEqual([-100]);
  expect(refusals).toMatchObject({ stranger: 2, forbidden: 2 });
  const audit = await db.listAudit(1001, { limit: 2 });
  expect("entries" in audit && audit.entries.map(({ action, allowed }) => [action, allowed])).toEqual([
    ["alert", false],
    ["allow_chat", true],
  ]);
  expect(await db.listAudit(5, { limit: 2 })).toEqual({ refused: "owner" });
});
