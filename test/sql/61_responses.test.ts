import type pg from "pg";
import { describe, expect } from "vitest";
import { as, test } from "../_support/db.ts";

async function finish(db: pg.Client, responses: unknown): Promise<void> {
  await as(db, "service_role", async () => {
    const claim = await db.query("select public.claim_update(7, 1, 1, 'private', null, true) ->> 'claim' as claim");
    expect(claim.rows).toEqual([{ claim: "claimed" }]);
    await db.query("select public.finish_update(7, true, $1)", [JSON.stringify(responses)]);
  });
}

const recorded = async (db: pg.Client) =>
  (await db.query(
    "select screen, characters, query_ms, retry_after from tracegram.admin_responses order by response_id",
  )).rows;

describe("finish_update", () => {
  test("records each response, with the time of its end", async ({ db }) => {
    await finish(db, [
      { screen: "traces", characters: 812, query_ms: 3, retry_after: 2 },
      { screen: "usage", characters: 70, query_ms: null },
    ]);
    expect(await recorded(db)).toEqual([
      { screen: "traces", characters: 812, query_ms: 3, retry_after: 2 },
      { screen: "usage", characters: 70, query_ms: null, retry_after: null },
    ]);
    const now = await db.query("select bool_and(at = now()::timestamptz(3)) as yes from tracegram.admin_responses");
    expect(now.rows).toEqual([{ yes: true }]);
  });

  test.for<[string, unknown]>([
    ["null", null],
    ["a text", "traces"],
    ["an entry that is no object", [1, "x", null, [], [{}]]],
    ["no screen", [{ characters: 1 }]],
    ["a screen that is no text", [{ screen: 5, characters: 1 }]],
    ["no length", [{ screen: "x" }]],
    ["a length that is a text", [{ screen: "x", characters: "1" }]],
    ["a length below 0", [{ screen: "x", characters: -1 }]],
    ["a length beyond every integer", [{ screen: "x", characters: 1e300 }]],
  ])("with %s ends the update all the same, and records what is good beside it", async ([, bad], { db }) => {
    const good = { screen: "trace", characters: 5, query_ms: 1 };
    await finish(db, Array.isArray(bad) ? [...bad, good] : bad);
    expect(await recorded(db)).toEqual(Array.isArray(bad) ? [{ ...good, retry_after: null }] : []);
    expect((await db.query("select handled_at is not null as yes from tracegram.seen_updates")).rows)
      .toEqual([{ yes: true }]);
  });

  test("takes of a number what fits, and of a name what is one", async ({ db }) => {
    await finish(db, [{ screen: "s".repeat(100), characters: 3.9, query_ms: -1, retry_after: "soon" }]);
    expect(await recorded(db)).toEqual([
      { screen: "s".repeat(64), characters: 3, query_ms: null, retry_after: null },
    ]);
  });

  test("records what was answered before an update was given back", async ({ db }) => {
    await db.query("select public.claim_update(7, 1, 1, 'private', null, true)");
    await db.query("select public.finish_update(7, false, $1)", [JSON.stringify([{ screen: "x", characters: 1 }])]);
    expect(await recorded(db)).toMatchObject([{ screen: "x" }]);
    expect((await db.query("select from tracegram.seen_updates")).rows).toEqual([]);
  });
});

test("the purge keeps 30 days", async ({ db }) => {
  await db.query(
    `insert into tracegram.admin_responses (at, screen, characters)
     select timestamptz '2026-01-31 12:00Z' - age, age::text, 1
     from unnest(array['30 days', '30 days 1 second', '1 day']::interval[]) as age`,
  );
  await db.query("select tracegram.purge_responses('2026-01-31 12:00Z')");
  expect((await recorded(db)).map((row) => row.screen)).toEqual(["30 days", "1 day"]);
});
