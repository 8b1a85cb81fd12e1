// What a report says that its sender has dropped: noted once, bounded, and never at the cost of the traces beside it.
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const report = (sender: unknown, dropped: unknown, traces: unknown = [makeTrace()]) => ({ sender, dropped, traces });

/** What is noted, as `reason: records`, of one sender or of all. */
async function noted(db: pg.Client, sender?: string): Promise<Record<string, number>> {
  const { rows } = await db.query(
    "select reason, sum(records)::float8 as records from tracegram.dropped where $1::uuid is null or sender = $1 group by 1",
    [sender ?? null],
  );
  return Object.fromEntries(rows.map((row) => [row.reason, row.records]));
}

describe("a report", () => {
  test("is a batch as any other", async ({ db }) => {
    const key = await givenKey(db);
    const [good, bad] = [makeTrace(), makeTrace({ pipeline: "" })];
    const answer = await ingest(db, key, report(randomUUID(), { queue_full: 3 }, [good, bad]));
    expect(answer.items.map((item) => item.result)).toEqual(["stored", "rejected"]);
    expect(await ingest(db, key, report(randomUUID(), {}, [good]))).toMatchObject({ duplicate: 1 });
    const { rows } = await db.query("select sum(traces)::int as n from tracegram.ingest_usage");
    expect(rows).toEqual([{ n: 3 }]);
  });

  test("stores its good traces when a bad one cannot be read, or the report itself", async ({ db }) => {
    const key = await givenKey(db);
    const sender = randomUUID();
    const batch = report(sender, { queue_full: 3 }, [{ ...makeTrace(), duration_ms: "x" }, makeTrace()]);
    expect(await ingest(db, key, batch)).toMatchObject({ stored: 1, rejected: 1 });
    expect(await noted(db, sender)).toEqual({ queue_full: 3 });
    const unreadable = JSON.stringify(report(sender, { queue_full: 0 })).replace(
      '"queue_full":0',
      '"queue_full":1e999999',
    );
    expect(await ingest(db, key, unreadable)).toMatchObject({ stored: 1, rejected: 0 });
    expect(await noted(db, sender)).toEqual({ queue_full: 3 });
  });

  test.for([
    ["TG002", report(randomUUID(), {}, [])],
    ["TG002", report(randomUUID(), {}, {})],
    ["TG002", report(randomUUID(), {}, null)],
    ["TG002", { sender: randomUUID(), dropped: {} }],
    ["TG003", report(randomUUID(), {}, Array.from({ length: 501 }, () => makeTrace()))],
    ["TG003", report(randomUUID(), { x: "x".repeat(1_048_576) })],
  ])("is refused as a whole with %s, and nothing of it is noted", async ([code, batch], { db }) => {
    await expect(ingest(db, await givenKey(db), batch)).rejects.toMatchObject({ code });
    expect(await noted(db)).toEqual({});
  });
});

describe("what was dropped", () => {
  test("are totals: what comes twice, or late, changes nothing, and what is more counts", async ({ db }) => {
    const key = await givenKey(db);
    const [one, two] = [randomUUID(), randomUUID()];
    for (const queue_full of [5, 5, 12, 7]) await ingest(db, key, report(one, { queue_full, refused: 1 }));
    await ingest(db, key, report(two.toUpperCase(), { queue_full: 100 }));
    expect(await noted(db, one)).toEqual({ queue_full: 12, refused: 1 });
    expect(await noted(db)).toEqual({ queue_full: 112, refused: 1 });
  });

  test("of one key are not another's", async ({ db }) => {
    const [mine, other] = [await givenKey(db, "mine"), await givenKey(db, "other")];
    const sender = randomUUID();
    await ingest(db, mine, report(sender, { queue_full: 5 }));
    await ingest(db, other, report(sender, { queue_full: 7000 }));
    const { rows } = await db.query("select records::int from tracegram.dropped where sender = $1 order by 1", [
      sender,
    ]);
    expect(rows).toEqual([{ records: 5 }, { records: 7000 }]);
  });

  test.for<[string, unknown, unknown, Record<string, number>]>([
    ["a sender that is no uuid", "bot 1", { queue_full: 1 }, {}],
    ["no sender", undefined, { queue_full: 1 }, {}],
    ["a sender that is an object", { a: 1 }, { queue_full: 1 }, {}],
    ["drops that are an array", randomUUID(), [5], {}],
    ["drops that are a number", randomUUID(), 5, {}],
    ["no drops", randomUUID(), null, {}],
    ["numbers that are none", randomUUID(), { a: -1, b: "5", c: null, d: {}, e: 1e30, f: 0, g: 0.5, good: 2 }, {
      good: 2,
    }],
    ["a fraction", randomUUID(), { good: 2.9 }, { good: 2 }],
    ["the greatest number", randomUUID(), { good: 2 ** 53 - 1, bad: 2 ** 53 }, { good: 2 ** 53 - 1 }],
    ["long names", randomUUID(), { "": 1, ["a".repeat(40)]: 1, ["b".repeat(41)]: 1 }, { ["a".repeat(40)]: 1 }],
  ])("%s: what cannot be read is left out, and the trace is stored", async ([, sender, dropped, expected], { db }) => {
    expect(await ingest(db, await givenKey(db), report(sender, dropped))).toMatchObject({ stored: 1, rejected: 0 });
    expect(await noted(db)).toEqual(expected);
  });

  test("of over twenty reasons are the twenty with most, and a sender gets no more by asking again", async ({ db }) => {
    const key = await givenKey(db);
    const sender = randomUUID();
    const many = (from: number) =>
      Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`r${from + i}`, from + i + 1]));
    await ingest(db, key, report(sender, many(0)));
    expect(Object.keys(await noted(db, sender)).sort()).toEqual(Array.from({ length: 20 }, (_, i) => `r${i + 10}`));
    await ingest(db, key, report(sender, { ...many(100), r29: 77 }));
    expect(Object.keys(await noted(db, sender))).toHaveLength(20);
    expect(await noted(db, sender)).toMatchObject({ r29: 77 });
  });

  test("is kept of the thousand senders of a key that were heard last", async ({ db }) => {
    const [key] = [await givenKey(db, "hostile"), await givenKey(db, "quiet")];
    const add = (name: string, n: number) =>
      db.query(
        `insert into tracegram.dropped
         select key_id, gen_random_uuid(), 'queue_full', 1, at, at, at, 0, 0
         from tracegram.ingest_keys, generate_series(1, $2) as i, lateral (select now() - i * interval '1 second' as at) as t
         where name = $1`,
        [name, n],
      );
    await add("quiet", 1000);
    await add("hostile", 1003);
    const sender = randomUUID();
    await ingest(db, key, report(sender, { queue_full: 1, refused: 1 }));
    const { rows } = await db.query(
      `select name, count(distinct sender)::int as senders, round(extract(epoch from now() - min(last_seen_at)))::int as oldest
       from tracegram.dropped join tracegram.ingest_keys using (key_id) group by name order by name`,
    );
    expect(rows).toEqual([
      { name: "hostile", senders: 1000, oldest: 999 },
      { name: "quiet", senders: 1000, oldest: 1000 },
    ]);
    expect(await noted(db, sender)).toEqual({ queue_full: 1, refused: 1 });
  });

  test("is purged when the sender has not been heard for as long as traces are kept", async ({ db }) => {
    const key = await givenKey(db);
    const [gone, alive] = [randomUUID(), randomUUID()];
    for (const sender of [gone, alive]) await ingest(db, key, report(sender, { queue_full: 5 }));
    await db.query(
      "update tracegram.dropped set grew_at = now() - '40 days'::interval, last_seen_at = now() - '40 days'::interval",
    );
    await ingest(db, key, report(alive, { queue_full: 5 }));
    await db.query("select tracegram.purge()");
    expect([await noted(db, gone), await noted(db, alive)]).toEqual([{}, { queue_full: 5 }]);
    // It was heard, but has not dropped more.
    const { rows } = await db.query("select grew_at < now() - interval '39 days' as old from tracegram.dropped");
    expect(rows).toEqual([{ old: true }]);
  });
});

describe("trace_gaps", () => {
  test("shows what was dropped in a window: by reason, and the ten senders that reported last", async ({ db }) => {
    const key = await givenKey(db, "my bot");
    const senders = Array.from({ length: 12 }, () => randomUUID());
    for (const [i, sender] of senders.entries()) {
      await ingest(db, key, report(sender, { queue_full: 10, ...(i === 11 && { refused: 3 }) }));
      await db.query("update tracegram.dropped set grew_at = now() - $2 * interval '1 minute' where sender = $1", [
        sender,
        12 - i,
      ]);
    }
    const gaps = (args = {}) => call<{ dropped: object }>(db, "service_role", "trace_gaps", args);
    const { dropped } = await gaps() as { dropped: { senders: { sender: string }[] } };
    expect(dropped).toMatchObject({
      records: 123,
      reasons: [{ reason: "queue_full", records: 120 }, { reason: "refused", records: 3 }],
    });
    expect(dropped.senders.map(({ sender }) => sender)).toEqual(senders.toReversed().slice(0, 10));
    expect(dropped.senders[0]).toEqual({
      sender: senders[11],
      key: "my bot",
      records: 13,
      reasons: { queue_full: 10, refused: 3 },
      first_seen_at: expect.stringMatching(/Z$/),
      last_seen_at: expect.stringMatching(/Z$/),
    });
    const recent = await gaps({ p_from: new Date(Date.now() - 150_000) });
    expect(recent.dropped).toMatchObject({ records: 23 });
    expect((await gaps({ p_to: new Date(Date.now() - 3_600_000) })).dropped).toEqual({
      records: 0,
      reasons: [],
      senders: [],
    });
  });
});

test("the increase is of this hour and the last, whenever in it the reports come", async ({ db }) => {
  await givenKey(db);
  const sender = randomUUID();
  const note = (at: string, records: number) =>
    db.query(
      "select tracegram.note_dropped((select min(key_id) from tracegram.ingest_keys), $1, $2)",
      [JSON.stringify({ sender, dropped: { queue_full: records } }), at],
    );
  const measured = async (at: string) =>
    (await db.query("select value::int from tracegram.measure_dropped($1)", [at])).rows[0].value;

  await note("2026-01-31 08:10Z", 100);
  expect(await measured("2026-01-31 08:10Z")).toBe(100);
  expect(await measured("2026-01-31 09:09Z")).toBe(100);
  expect(await measured("2026-01-31 09:11Z")).toBe(0);
  await note("2026-01-31 12:30Z", 110); // hours later
  expect(await measured("2026-01-31 12:31Z")).toBe(10);
  await note("2026-01-31 12:40Z", 110); // again
  await note("2026-01-31 12:59Z", 115);
  await note("2026-01-31 13:01Z", 116); // in the next hour the last one still counts
  expect(await measured("2026-01-31 13:02Z")).toBe(16);
  await note("2026-01-31 14:00Z", 117);
  expect(await measured("2026-01-31 14:01Z")).toBe(2);
  await note("2026-01-31 13:30Z", 200); // one that was long under way
  expect(await measured("2026-01-31 14:01Z")).toBe(85);
  expect(await measured("2026-01-31 15:01Z")).toBe(0);
});
