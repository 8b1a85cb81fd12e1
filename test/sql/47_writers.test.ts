import { randomInt } from "node:crypto";
import { expect } from "vitest";
import { test } from "../_support/db.ts";
import { expected, fold, inWindow } from "../_support/rollups.ts";
import { givenKey } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

test(
  "16 writers and the fold never wait for each other, and rollups are exact",
  { timeout: 60_000 },
  async ({ cluster, onTestFinished }) => {
    const connect = async () => {
      const client = cluster.client("postgres");
      await client.connect();
      onTestFinished(() => client.end());
      return client;
    };
    const admin = await connect();
    const key = await givenKey(admin, "16 writers");
    await admin.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
    // All of one pipeline, step and minute, so that whatever could be shared is.
    const at = Date.now() - 60_000;
    const make = () =>
      makeTrace({
        started_at: at + randomInt(1000),
        steps: [{ name: "llm", offset_ms: 0, duration_ms: 5, model: "m", cost_microusd: 3 }],
      });
    const batches = Array.from({ length: 16 * 10 }, () => Array.from({ length: 20 }, make));
    const writers = await Promise.all(Array.from({ length: 16 }, connect));

    // Held open together: each has stored a batch, and none has committed.
    for (const [i, writer] of writers.entries()) {
      await writer.query("begin; set local lock_timeout = 1");
      await writer.query("select public.ingest_traces($1, $2)", [key, JSON.stringify(batches[i])]);
      await admin.query("set lock_timeout = 1; select tracegram.fold_batches(); reset lock_timeout");
    }
    await Promise.all(writers.map((writer) => writer.query("commit")));

    // And at full speed, with the fold in between; every second batch is sent again by a neighbour.
    let writing = true;
    const folder = await connect();
    const folding = (async () => {
      while (writing) await folder.query("select tracegram.fold_batches()");
    })();
    await Promise.all(writers.map(async (writer, w) => {
      for (let i = 16 + w; i < batches.length; i += 16) {
        await writer.query("select public.ingest_traces($1, $2)", [key, JSON.stringify(batches[i])]);
        const neighbours = batches[i % 2 === 0 ? i : i - 1]!;
        await writer.query("select public.ingest_traces($1, $2)", [key, JSON.stringify(neighbours)]);
      }
    }));
    writing = false;
    await folding;

    const all = batches.flat();
    const count = (await admin.query(
      "select count(*)::int as n from tracegram.pipeline_traces where started_at >= $1 and started_at < $2",
      [new Date(at), new Date(at + 1000)],
    )).rows[0].n;
    expect(count).toBe(all.length);
    expect(await inWindow(admin, at - 600_000, at + 600_000)).toEqual(expected(all));
    await fold(admin);
    expect(await inWindow(admin, at - 600_000, at + 600_000)).toEqual(expected(all));
  },
);

test("a trace whose end is coming in at this moment is neither waited for nor lost", async ({ cluster, onTestFinished }) => {
  const [one, two] = [cluster.client("postgres"), cluster.client("postgres")];
  for (const db of [one, two]) {
    await db.connect();
    onTestFinished(() => db.end());
  }
  const key = await givenKey(one, "coming in");
  const { duration_ms: _, ...trace } = makeTrace({ started_at: Date.now() - 20 * 60_000 });
  const send = (what: object) => one.query("select public.ingest_traces($1, $2)", [key, JSON.stringify([what])]);
  await send({ ...trace, status: "running" });
  await one.query("begin");
  await send({ ...trace, status: "ok", duration_ms: 5 });
  await two.query("set lock_timeout = 1");
  expect((await two.query("select tracegram.mark_lost() as n")).rows).toEqual([{ n: 0 }]);
  await one.query("commit");
  expect((await two.query("select public.get_trace($1) ->> 'status' as status", [trace.trace_id])).rows).toEqual([{
    status: "ok",
  }]);
});

test(
  "two senders of the same traces never deadlock, also where they go in one by one",
  { timeout: 60_000 },
  async ({ cluster, onTestFinished }) => {
    const [one, two] = [cluster.client("postgres"), cluster.client("postgres")];
    for (const db of [one, two]) {
      await db.connect();
      onTestFinished(() => db.end());
    }
    const key = await givenKey(one, "both ways");
    for (let round = 0; round < 3; round++) {
      const at = Date.now() - 1_200_000; // out of the way of the others'
      const bad = { ...makeTrace(), duration_ms: "x" };
      const batch = [...Array.from({ length: 100 }, (_, i) => makeTrace({ started_at: at + i })), bad];
      const send = async (db: typeof one, items: unknown[]) =>
        (await db.query("select public.ingest_traces($1, $2) ->> 'rejected' as rejected", [key, JSON.stringify(items)]))
          .rows[0].rejected;
      expect(await Promise.all([send(one, batch), send(two, batch.toReversed())])).toEqual(["1", "1"]);
    }
  },
);

test("two senders of the same late I/O wait for each other and never deadlock", async ({ cluster, onTestFinished }) => {
  const [one, other] = [cluster.client("postgres"), cluster.client("postgres")];
  for (const db of [one, other]) {
    await db.connect();
    onTestFinished(() => db.end());
  }
  const key = await givenKey(one, "late both ways");
  const send = async (db: typeof one, items: unknown[]) =>
    (await db.query("select public.ingest_traces($1, $2) ->> 'duplicate' as n", [key, JSON.stringify(items)])).rows[0]
      .n;
  for (let round = 0; round < 3; round++) {
    const step = { name: "llm", offset_ms: 0, duration_ms: 1 };
    const at = Date.now() - 1_200_000; // out of the way of the others'
    const traces = Array.from({ length: 100 }, (_, i) => makeTrace({ started_at: at - i, steps: [step, step] }));
    await send(one, traces);
    const items = traces.map((trace) => ({ ...trace, steps: [], io: [1, 2].map((step) => ({ step, request: "q" })) }));
    expect(await Promise.all([send(one, items), send(other, items.toReversed())])).toEqual(["100", "100"]);
    const { rows } = await one.query("select count(*)::int as n from tracegram.trace_io where trace_id = any ($1)", [
      traces.map(({ trace_id }) => trace_id),
    ]);
    expect(rows).toEqual([{ n: 200 }]);
  }
});

test(
  "ends with I/O and late I/O of each other's traces never deadlock",
  { timeout: 60_000 },
  async ({ cluster, onTestFinished }) => {
    const [one, other] = [cluster.client("postgres"), cluster.client("postgres")];
    for (const db of [one, other]) {
      await db.connect();
      onTestFinished(() => db.end());
    }
    const key = await givenKey(one, "ends and late");
    await one.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
    const send = async (db: typeof one, items: unknown[]) =>
      (await db.query("select public.ingest_traces($1, $2) as answer", [key, JSON.stringify(items)])).rows[0].answer;
    const steps = Array.from({ length: 30 }, () => ({ name: "llm", offset_ms: 0, duration_ms: 1 }));
    const io = steps.map((_, i) => ({ step: i + 1, request: "q".repeat(300) }));
    for (let round = 0; round < 30; round++) {
      const at = Date.now() - 1_200_000; // out of the way of the others'
      const traces = Array.from({ length: 10 }, (_, i) => makeTrace({ started_at: at + i, steps }));
      const ends = traces.map((trace) => ({ ...trace, io }));
      const late = traces.map((trace) => ({ ...trace, steps: [], io }));
      await send(one, traces.map(({ duration_ms: _, ...trace }) => ({ ...trace, status: "running" })));
      // Half of them have I/O that the end replaces.
      await send(one, late.slice(5));
      const mine = (items: unknown[], half: number) => items.filter((_, i) => i % 2 === half);
      const answers = await Promise.all([
        send(one, [...mine(ends, 0), ...mine(late, 1)]),
        send(other, [...mine(ends, 1), ...mine(late, 0)]),
      ]);
      for (const answer of answers) expect(answer).toMatchObject({ updated: 5, duplicate: 5 });
    }
  },
);
