import { expect } from "vitest";
import { test } from "../_support/db.ts";

test("rollups are purged level by level", async ({ db }) => {
  const ages = { "5m": ["50 hours", "52 hours"], "1h": ["62 days", "64 days"], "1d": ["399 days", "401 days"] };
  for (const table of ["rollups", "error_rollups"]) {
    for (const [level, [kept, gone]] of Object.entries(ages)) {
      for (const age of [kept, gone]) {
        await db.query(
          table === "rollups"
            ? `insert into tracegram.rollups values ($1, now() - $2::interval, 'p', 's', 1, 0, 1, '({1},{1})', null, null, null, null, null, 0, 0, 0, 0)`
            : `insert into tracegram.error_rollups values ($1, now() - $2::interval, 'p', '', 'k', 1, gen_random_uuid())`,
          [level, age],
        );
      }
    }
    await db.query("select tracegram.purge()");
    const { rows } = await db.query(
      `select level, count(*)::int as n from tracegram.${table} where pipeline = 'p' group by level order by level`,
    );
    expect(rows, table).toEqual(["1d", "1h", "5m"].map((level) => ({ level, n: 1 })));
  }
});
