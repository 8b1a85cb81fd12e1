import type pg from "pg";
import { describe, expect } from "vitest";
import { as, test } from "../_support/db.ts";

const claim = (db: pg.Client, id: number) =>
  as(db, "service_role", async () => (await db.query("select public.claim_update($1) as r", [id])).rows[0].r as string);
const finish = (db: pg.Client, id: number, handled: boolean) =>
  as(db, "service_role", () => db.query("select public.finish_update($1, $2)", [id, handled]));

describe("claim_update", () => {
  test("gives an update to one, once", async ({ db }) => {
    expect(await claim(db, 1)).toBe("claimed");
    expect(await claim(db, 1)).toBe("busy");
    await finish(db, 1, true);
    expect(await claim(db, 1)).toBe("done");
    expect(await claim(db, 2)).toBe("claimed");
  });

  test("gives it again when it was given back", async ({ db }) => {
    await claim(db, 1);
    await finish(db, 1, false);
    expect(await claim(db, 1)).toBe("claimed");
  });

  test("gives it again when the one who had it is not heard of for a minute", async ({ db }) => {
    const at = async (seconds: number) => {
      const sql = "select tracegram.claim_update(1, timestamptz '2026-01-31 12:00Z' + $1 * interval '1 second') as r";
      return (await db.query(sql, [seconds])).rows[0].r;
    };
    expect([await at(0), await at(59), await at(60), await at(119), await at(120)])
      .toEqual(["claimed", "busy", "claimed", "busy", "claimed"]);
  });

  test("is ended with or without a word about what was answered", async ({ db }) => {
    await claim(db, 1);
    await as(
      db,
      "service_role",
      () => db.query(`select public.finish_update(1, true, '[{"screen": "traces", "characters": 9, "query_ms": 1}]')`),
    );
    expect(await claim(db, 1)).toBe("done");
    await claim(db, 2);
    await finish(db, 2, true);
    expect((await db.query("select screen from tracegram.admin_responses")).rows).toEqual([{ screen: "traces" }]);
  });

  test("is never given back once it was handled", async ({ db }) => {
    await claim(db, 1);
    await finish(db, 1, true);
    await finish(db, 1, false);
    expect(await claim(db, 1)).toBe("done");
  });

  test("two isolates at the same moment: one gets it", async ({ cluster }) => {
    const clients = [cluster.client("postgres"), cluster.client("postgres")];
    await Promise.all(clients.map((client) => client.connect()));
    try {
      for (let id = 1000; id < 1020; id++) {
        const answers = await Promise.all(
          clients.map((client) => client.query("select public.claim_update($1) as r", [id])),
        );
        expect(answers.map(({ rows }) => rows[0].r).sort()).toEqual(["busy", "claimed"]);
      }
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
});
