import { expect } from "vitest";
import { copyIn, copyOut } from "../../../scripts/bench/copy.ts";
import { test } from "../../_support/db.ts";

test("what is copied out is copied in again, over many chunks", async ({ db }) => {
  await db.query("create temp table a as select i, repeat('x', 1000) as text from generate_series(1, 500) as i");
  await db.query("create temp table b (like a)");
  const rows = await copyOut(db, "copy a to stdout (format binary)");
  expect(rows.length).toBeGreaterThan(500_000);
  await copyIn(db, "copy b from stdin (format binary)", rows);
  const { rows: [difference] } = await db.query(
    "select (select count(*)::int from b) as rows, (select count(*)::int from (table a except table b) as x) as missing",
  );
  expect(difference).toEqual({ rows: 500, missing: 0 });
});

test("a copy that fails says why, and the connection goes on", async ({ db }) => {
  await db.query("create temp table a (i integer); savepoint before");
  await expect(copyIn(db, "copy a from stdin (format binary)", Buffer.from("no rows"))).rejects.toThrow(
    "COPY file signature",
  );
  await db.query("rollback to savepoint before");
  await expect(copyOut(db, "copy nowhere to stdout")).rejects.toThrow('relation "nowhere" does not exist');
  await db.query("rollback to savepoint before");
  expect((await db.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
});
