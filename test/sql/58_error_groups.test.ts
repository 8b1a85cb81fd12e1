import { randomInt } from "node:crypto";
import type pg from "pg";
import { describe, expect } from "vitest";
import type { ErrorGroups, TraceStats } from "../../functions/_shared/db.ts";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { fold, pick } from "../_support/rollups.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const HOUR = 3_600_000;

const groups = (db: pg.Client, from?: number, to?: number): Promise<ErrorGroups> =>
  call(db, "service_role", "error_groups", {
    ...(from !== undefined && { p_from: new Date(from) }),
    ...(to !== undefined && { p_to: new Date(to) }),
  });

describe("error_groups", () => {
  test("of a bot that does not fail", async ({ db }) => {
    await ingest(db, await givenKey(db), [makeTrace()]);
    expect(await groups(db)).toMatchObject({ errors: 0, errors_before: 0, count: 1, kinds: 0, groups: [] });
  });

  test.for([HOUR, DAY, 3 * DAY])(
    "of %i ms equals what the traces of both windows say, folded and not",
    async (span, { db }) => {
      const now = Date.now();
      for (let day = 0; day <= 8; day++) await givenDay(db, "pipeline_traces", now - day * DAY);
      const key = await givenKey(db);
      const traces = Array.from({ length: 400 }, () => {
        const failed = Math.random() < 0.6;
        return makeTrace({
          started_at: now - randomInt(Math.round(2.5 * span)),
          pipeline: pick(["support", "refund"]),
          ...(failed && {
            status: "error",
            error: `${pick(["Timeout after", "Refused by"])} ${randomInt(99)}`,
            steps: [{ name: pick(["llm", "db"]), status: "error", offset_ms: 0, duration_ms: 1 }],
          }),
        });
      });
      await ingest(db, key, traces.slice(0, 250));
      await fold(db);
      await ingest(db, key, traces.slice(250));

      const answer = await groups(db, now - span, now);
      const [from, to] = [Date.parse(answer.from), Date.parse(answer.to)];
      const between = (from: number, to: number) =>
        traces.filter((t) => Number(t.started_at) >= from && Number(t.started_at) < to);
      // A window of 24 hours has one as well, just before midnight UTC.
      const wholeDay = Math.ceil(from / DAY) * DAY + DAY <= to;
      const inside = between(from, to);
      const before = between(2 * from - to, from);
      const failed = (of: typeof traces) => of.filter((t) => t.status === "error");
      expect(answer).toMatchObject({
        count: inside.length,
        errors: failed(inside).length,
        errors_before: failed(before).length,
        kinds: 8,
      });
      const keyOf = (t: (typeof traces)[number]) => `${t.pipeline}/${t.steps[0]!.name}/${t.error!.replace(/\d+/, "#")}`;
      expect(answer.groups).toHaveLength(8);
      expect(answer.groups.map((g) => g.count)).toEqual(answer.groups.map((g) => g.count).sort((a, b) => b - a));
      for (const group of answer.groups) {
        const key = `${group.pipeline}/${group.step}/${group.kind}`;
        const same = failed(inside).filter((t) => keyOf(t) === key).sort((a, b) => a.trace_id < b.trace_id ? 1 : -1);
        expect(group, key).toMatchObject({
          count: same.length,
          before: failed(before).filter((t) => keyOf(t) === key).length,
          example: same[0]!.trace_id,
        });
        const first = Number(same.at(-1)!.started_at) - Date.parse(group.first_at);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThan(wholeDay ? DAY : HOUR);
      }
      const stats = await call<TraceStats>(db, "service_role", "trace_stats", {
        p_from: new Date(now - span),
        p_to: new Date(now),
      });
      expect(answer.groups).toMatchObject(stats.top_errors);
    },
  );

  test.for([[0, 0], [0, -HOUR], [-201 * DAY, 0]])("refuses a window from %i to %i", async ([from, to], { db }) => {
    const now = Date.now();
    await expect(groups(db, now + from!, now + to!)).rejects.toMatchObject({ code: "22023" });
  });
});
