// Over 300 lines, because it is one list: a rule each, in the order of sql/81 and 82.
//
// Each rule, from what a bot sends to an alert that opens, stays and resolves.
import { randomBytes, randomUUID } from "node:crypto";
import type pg from "pg";
import { expect } from "vitest";
import type { WireTrace } from "../../tracer/wire.ts";
import { alertsOf, evaluate, fillQuota, MINUTE, NOON, ruleOf, stateOf, test } from "../_support/alerts.ts";
import { as } from "../_support/db.ts";
import { DAY, givenDay, partition } from "../_support/partitions.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

/** Traces that started at noon, a millisecond apart, stored in one batch. */
async function given(db: pg.Client, traces: Partial<WireTrace>[]): Promise<void> {
  const batch = traces.map((trace, i) => makeTrace({ started_at: NOON + i, ...trace }));
  expect(await ingest(db, await givenKey(db, `bot ${randomBytes(4).toString("hex")}`), batch)).toMatchObject({
    rejected: 0,
  });
}

const times = (n: number, trace: Partial<WireTrace>) => Array.from({ length: n }, () => trace);
const OK: Partial<WireTrace> = { pipeline: "support", status: "ok", duration_ms: 1000 };
const FAILED: Partial<WireTrace> = { pipeline: "sales", status: "error", error: "429", duration_ms: 1000 };
const RUNNING: Partial<WireTrace> = { status: "running", duration_ms: undefined as never };
const costing = (cost_microusd: number): Partial<WireTrace> => ({
  pipeline: "sales",
  steps: [{ name: "llm.answer", status: "ok", offset_ms: 0, duration_ms: 1, model: "m", cost_microusd }],
});

/** Answers of the admin bot to one update. */
const answered = (db: pg.Client, responses: object[]) =>
  as(db, "service_role", async () => {
    const id = Number.parseInt(randomBytes(4).toString("hex"), 16);
    await db.query("select public.claim_update($1, 1, 1, 'private', null, true)", [id]);
    await db.query("select public.finish_update($1, true, $2)", [id, JSON.stringify(responses)]);
  });

interface Case {
  rule: string;
  /** Puts the rule in breach. Returns when it is first evaluated. */
  breach(db: pg.Client): Promise<number>;
  value: number | ((value: number) => boolean);
  detail: string | RegExp;
  /** Ends the breach. Returns when it is first evaluated after that. */
  calm(db: pg.Client): Promise<number>;
}

const CASES: Case[] = [
  {
    rule: "error_rate",
    breach: async (db) => {
      await given(db, [...times(17, OK), ...times(3, FAILED)]);
      return NOON + MINUTE;
    },
    value: 15,
    detail: "3 of 20 runs failed in 15 minutes, most of them in sales: 3 of 3",
    calm: async (db) => {
      await given(db, times(20, { ...OK, started_at: NOON + 29 * MINUTE }));
      return NOON + 30 * MINUTE;
    },
  },
  {
    rule: "p95",
    breach: async (db) => {
      await given(db, [...times(18, OK), ...times(2, { pipeline: "sales", duration_ms: 40_000 })]);
      return NOON + MINUTE;
    },
    value: (ms) => Math.abs(ms - 40_000) <= 2000,
    detail: /^95 % of 20 runs in 15 minutes took at most [34]\d,\d{3} ms; slowest is sales with [34]\d,\d{3} ms$/,
    calm: async (db) => {
      await given(db, times(20, { ...OK, started_at: NOON + 29 * MINUTE }));
      return NOON + 30 * MINUTE;
    },
  },
  {
    rule: "daily_spend",
    breach: async (db) => {
      await given(db, [costing(4_000_000), { ...costing(6_500_000), pipeline: "support" }, {
        steps: [{ name: "llm.answer", status: "ok", offset_ms: 0, duration_ms: 1, model: "unheard of" }],
      }]);
      return NOON + MINUTE;
    },
    value: 10_500_000,
    detail: "$10.50 since midnight UTC in 3 runs, most of it in support: $6.50; 1 calls have no price",
    calm: () => Promise.resolve(NOON + 12 * 60 * MINUTE),
  },
  {
    rule: "large_trace",
    breach: async (db) => {
      const step = () => ({
        name: "x",
        status: "error",
        error: randomBytes(1000).toString("hex"),
        offset_ms: 0,
        duration_ms: 1,
      });
      await given(db, [OK, { ...FAILED, steps: [step(), step(), step()] as WireTrace["steps"] }]);
      return NOON + MINUTE;
    },
    value: 1,
    detail: "1 of 2 traces of an hour take over 5 kB, most of them in sales: 1",
    calm: () => Promise.resolve(NOON + 70 * MINUTE),
  },
  {
    rule: "ingest_p95",
    breach: async (db) => {
      const key = await givenKey(db);
      const send = () => ingest(db, key, [makeTrace()]);
      for (let i = 0; i < 18; i++) await send();
      await db.query(`
        create function pg_temp.dawdle() returns trigger language plpgsql as 'begin perform pg_sleep(0.4); return null; end';
        create trigger dawdle before insert on tracegram.pipeline_traces for each statement execute function pg_temp.dawdle()`);
      await send();
      await send();
      return Date.now();
    },
    value: (ms) => ms >= 380 && ms < 5000,
    detail: /^95 % of 20 calls of ingest_traces in 15 minutes took at most [\d,]+ ms$/,
    calm: async (db) => {
      await db.query(
        "create or replace function pg_temp.dawdle() returns trigger language plpgsql as 'begin return null; end'",
      );
      const key = await givenKey(db, "fast bot");
      for (let i = 0; i < 40; i++) await ingest(db, key, [makeTrace()]);
      return Date.now() + 5 * MINUTE;
    },
  },
  {
    rule: "orphans",
    breach: async (db) => {
      await given(db, [OK, {
        pipeline: "sales",
        steps: [{ name: "llm.answer", status: "ok", parent: 7, offset_ms: 0, duration_ms: 1 }],
      }]);
      return NOON + MINUTE;
    },
    value: 1,
    detail: "1 traces of an hour have a step without its parent, such as in sales; 0 did not end in time",
    calm: () => Promise.resolve(NOON + 70 * MINUTE),
  },
  {
    rule: "dropped",
    breach: async (db) => {
      const key = await givenKey(db, "dropping bot");
      const [one, two] = [randomUUID(), randomUUID()];
      const send = (sender: string, dropped: object) => ingest(db, key, { sender, dropped, traces: [makeTrace()] });
      await send(one, { queue_full: 1200, too_large: 2 });
      await send(two, { queue_full: 34, refused: 0 });
      await send(one, { queue_full: 1200, too_large: 2 }); // a replay
      return Date.now();
    },
    value: 1236,
    detail: "1,236 records were dropped by 2 senders within an hour, most of them for queue_full: 1,234",
    calm: async (db) => {
      // They go on saying so, and have dropped no more.
      await ingest(db, await givenKey(db), { sender: randomUUID(), dropped: { queue_full: 0 }, traces: [makeTrace()] });
      return Date.now() + 61 * MINUTE;
    },
  },
  {
    rule: "long_message",
    breach: async (db) => {
      await answered(db, [{ screen: "trace", characters: 3501, query_ms: 1 }, {
        screen: "traces",
        characters: 3500,
        query_ms: 1,
      }, { screen: "trace.rich", characters: 30_000, query_ms: 1 }]);
      return Date.now();
    },
    value: 1,
    detail: "1 messages to admins were over 3,500 characters in an hour, the longest of screen trace: 3,501",
    calm: () => Promise.resolve(Date.now() + 61 * MINUTE),
  },
  {
    rule: "telegram_429",
    breach: async (db) => {
      // Five are of ordinary, quick use.
      for (const retry_after of [3, 3, 3, 3, 3, 12]) {
        await answered(db, [{ screen: "traces", characters: 10, query_ms: 1, retry_after }]);
      }
      return Date.now();
    },
    value: 6,
    detail: "Telegram told the bot 6 times in an hour to wait, for up to 12 s",
    calm: () => Promise.resolve(Date.now() + 61 * MINUTE),
  },
  {
    rule: "slow_screen",
    breach: async (db) => {
      const answers = (screen: string, query_ms: number[]) =>
        query_ms.map((ms) => ({ screen, characters: 1, query_ms: ms }));
      // Four slow answers of one screen are too few to say, and a fast screen does not hide a slow one.
      await answered(db, [
        ...answers("stats", [9000, 9000, 9000, 9000]),
        ...answers("traces", [1, 1, 1, 1, 1, 1, 1]),
        // A rich message is of the same screen, and a file is none.
        ...answers("trace", [5, 5, 501]),
        ...answers("trace.rich", [5, 5]),
        ...answers("export_traces", [9000, 9000, 9000, 9000, 9000]),
      ]);
      return Date.now();
    },
    value: 501,
    detail: "95 % of 5 queries of screen trace took at most 501 ms",
    calm: async (db) => {
      await answered(db, Array.from({ length: 20 }, () => ({ screen: "trace", characters: 1, query_ms: 5 })));
      return Date.now() + 5 * MINUTE;
    },
  },
  {
    rule: "missing_partitions",
    breach: async (db) => {
      const now = Date.now();
      await db.query(
        `drop table tracegram.${partition("trace_io", now + 3 * DAY)}, tracegram.${partition("pipeline_traces", now)}`,
      );
      return now;
    },
    value: 2,
    detail: /^missing: pipeline_traces_p\d{8}, trace_io_p\d{8}$/,
    calm: async (db) => {
      const now = Date.now();
      await givenDay(db, "trace_io", now + 3 * DAY);
      await givenDay(db, "pipeline_traces", now);
      return now + 10 * MINUTE;
    },
  },
  {
    rule: "quota",
    breach: async (db) => {
      await fillQuota(db, 90);
      return NOON;
    },
    value: (percent) => Math.abs(percent - 90) < 1,
    detail: /^\d+ of \d+ MB$/,
    calm: async (db) => {
      await fillQuota(db, 70);
      return NOON + 10 * MINUTE;
    },
  },
];

for (const { rule, breach, value, detail, calm } of CASES) {
  test(`${rule}: opens when it was in breach for long enough, stays, and resolves when it was good for long enough`, async ({ db }) => {
    const { opens_after, resolves_after } = await ruleOf(db, rule);
    expect(await evaluate(db, NOON - 3 * 60 * MINUTE)).toBeGreaterThan(0);
    const first = await breach(db);
    for (let i = 0; i < opens_after; i++) {
      expect(await alertsOf(db, rule)).toEqual([]);
      await evaluate(db, first + i * MINUTE);
    }
    const [opened, ...others] = await alertsOf(db, rule);
    expect(others).toEqual([]);
    expect(opened).toMatchObject({ opened_at: new Date(first + (opens_after - 1) * MINUTE), resolved_at: null });
    expect(opened!.detail).toEqual(typeof detail === "string" ? detail : expect.stringMatching(detail));
    if (typeof value === "number") expect(opened!.value).toBe(value);
    else expect(opened!.value).toSatisfy(value);

    await evaluate(db, first + opens_after * MINUTE);
    expect(await alertsOf(db, rule)).toMatchObject([{ alert_id: opened!.alert_id, resolved_at: null }]);

    const then = await calm(db);
    for (let i = 0; i < resolves_after; i++) {
      expect(await alertsOf(db, rule)).toMatchObject([{ resolved_at: null }]);
      await evaluate(db, then + i * MINUTE);
    }
    expect(await alertsOf(db, rule)).toMatchObject([{
      alert_id: opened!.alert_id,
      resolved_at: new Date(then + (resolves_after - 1) * MINUTE),
    }]);
  });
}

const LIMITS: { rule: string; what: string; give(db: pg.Client): Promise<void>; value: number | null }[] = [
  {
    rule: "error_rate",
    what: "19 runs that all failed are too few to say",
    give: (db) => given(db, times(19, FAILED)),
    value: null,
  },
  {
    rule: "error_rate",
    what: "a tenth is not over a tenth",
    give: (db) => given(db, [...times(18, OK), ...times(2, FAILED)]),
    value: 10,
  },
  {
    rule: "p95",
    what: "19 slow runs are too few to say",
    give: (db) => given(db, times(19, { duration_ms: 99_000 })),
    value: null,
  },
  {
    rule: "daily_spend",
    what: "ten dollars are not over ten",
    give: (db) => given(db, [costing(10_000_000)]),
    value: 10_000_000,
  },
  {
    rule: "daily_spend",
    what: "what yesterday has cost is not today's",
    give: (db) => given(db, [{ ...costing(99_000_000), started_at: NOON - 12 * 60 * MINUTE - 1 }]),
    value: 0,
  },
  {
    rule: "error_rate",
    what: "what has not ended is not counted",
    give: (db) => given(db, times(30, RUNNING)),
    value: null,
  },
  {
    rule: "orphans",
    what: "a trace that did not end in time is one",
    give: async (db) => {
      await given(db, [{ ...OK, ...RUNNING, started_at: NOON - 30 * MINUTE }]);
      await db.query("select tracegram.mark_lost($1)", [new Date(NOON)]);
    },
    value: 1,
  },
];

test.for(LIMITS)("$rule: $what", async ({ rule, give, value }, { db }) => {
  await give(db);
  for (const minute of [1, 2, 3]) await evaluate(db, NOON + minute * MINUTE);
  expect(await stateOf(db, rule)).toMatchObject({ value, error: null });
  expect(await alertsOf(db, rule)).toHaveLength(value && rule === "orphans" ? 1 : 0);
});

test("nothing is wrong with a fresh database", async ({ db }) => {
  await evaluate(db, Date.now());
  const { rows } = await db.query(
    "select rule, value::float8, error from tracegram.alert_state join tracegram.alert_rules using (rule) where error is not null or value > threshold",
  );
  expect(rows).toEqual([]);
  expect((await db.query("select count(*)::int as n from tracegram.alert_state")).rows).toEqual([{ n: 14 }]);
});
