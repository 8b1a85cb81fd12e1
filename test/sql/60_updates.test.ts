import type pg from "pg";
import { describe, expect } from "vitest";
import { as, test } from "../_support/db.ts";
import { call } from "../_support/rpc.ts";
import { aPress, claim, CLAIMED, finish, refused, takeLane } from "../_support/updates.ts";

const claimOf = async (db: pg.Client, id: number) => (await claim(db, aPress(id))).claim;

/** What `claim_update` says to a press of the same message so many seconds after noon. */
async function at(db: pg.Client, seconds: number, id = 1, message_id: number | null = 7) {
  const { rows } = await db.query(
    `select tracegram.claim_update($1, 1001, 1001, 'private', $3, true, false, '{}',
       timestamptz '2026-01-31 12:00Z' + $2 * interval '1 second') as r`,
    [id, seconds, message_id],
  );
  return rows[0].r;
}

describe("release_lane", () => {
  const release = (db: pg.Client, id: number) => call(db, "service_role", "release_lane", { p_update_id: id });

  test("gives the lane back before the end, to the chat's other messages", async ({ db }) => {
    await claim(db, aPress(1));
    expect(await claim(db, aPress(2, { message_id: 8 }))).toMatchObject({ lane: "wait" });
    expect(await release(db, 1)).toBe("yours");
    expect(await takeLane(db, 2)).toBe("yours");
  });

  test("lets one file a second be sent under a message, of which the last one counts", async ({ db }) => {
    for (const id of [1, 2, 3]) await claim(db, aPress(id));
    // The first one had been let go before the others came.
    await db.query("update tracegram.seen_updates set file_at = now() - interval '0.9 seconds' where update_id = 1");
    expect([await release(db, 2), await release(db, 3)]).toEqual(["superseded", "wait"]);
    await db.query("update tracegram.seen_updates set file_at = now() - interval '1.1 seconds' where update_id = 1");
    expect(await release(db, 3)).toBe("yours");
  });

  test("is no use to what has ended", async ({ db }) => {
    await claim(db, aPress(1));
    await finish(db, 1);
    expect([await release(db, 1), await release(db, 9)]).toEqual(["superseded", "superseded"]);
  });
});

describe("claim_update", () => {
  test("gives an update to one, once", async ({ db }) => {
    expect(await claim(db, aPress(1))).toEqual(CLAIMED);
    expect(await claimOf(db, 1)).toBe("busy");
    await finish(db, 1);
    expect(await claimOf(db, 1)).toBe("done");
    expect(await claimOf(db, 2)).toBe("claimed");
  });

  test("gives it again when it was given back", async ({ db }) => {
    await claim(db, aPress(1));
    await finish(db, 1, false);
    expect(await claim(db, aPress(1))).toEqual(CLAIMED);
  });

  test("gives it again when the one who had it is not heard of for a minute", async ({ db }) => {
    const claims = [];
    for (const seconds of [0, 59, 60, 119, 120]) claims.push((await at(db, seconds)).claim);
    expect(claims).toEqual(["claimed", "busy", "claimed", "busy", "claimed"]);
  });

  test("is ended with or without a word about what was answered", async ({ db }) => {
    await claim(db, aPress(1));
    await as(
      db,
      "service_role",
      () => db.query(`select public.finish_update(1, true, '[{"screen": "traces", "characters": 9, "query_ms": 1}]')`),
    );
    expect(await claimOf(db, 1)).toBe("done");
    await claim(db, aPress(2));
    await finish(db, 2);
    expect((await db.query("select screen from tracegram.admin_responses")).rows).toEqual([{ screen: "traces" }]);
  });

  test("is never given back once it was handled", async ({ db }) => {
    await claim(db, aPress(1));
    await finish(db, 1);
    await finish(db, 1, false);
    expect(await claimOf(db, 1)).toBe("done");
  });

  test("counts what was refused meanwhile", async ({ db }) => {
    await claim(db, aPress(1), { wrong_secret: 12 });
    expect(await refused(db)).toEqual({ wrong_secret: 12 });
  });

  test("two isolates at the same moment: one gets it", async ({ cluster }) => {
    const clients = [cluster.client("postgres"), cluster.client("postgres")];
    await Promise.all(clients.map((client) => client.connect()));
    try {
      for (let id = 1000; id < 1020; id++) {
        const answers = await Promise.all(
          clients.map((client) =>
            client.query("select public.claim_update($1, 5, 5, 'private', null, true) ->> 'claim' as r", [id])
          ),
        );
        expect(answers.map(({ rows }) => rows[0].r).sort()).toEqual(["busy", "claimed"]);
      }
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
});

describe("the lane of a chat", () => {
  const press = (db: pg.Client, id: number, message_id = 7) => claim(db, aPress(id, { message_id }));

  test("is one's at a time, and the next one's after that", async ({ db }) => {
    expect(await press(db, 1)).toMatchObject({ lane: "yours" });
    expect(await press(db, 2, 8)).toMatchObject({ lane: "wait" });
    expect(await takeLane(db, 2)).toBe("wait");
    await finish(db, 1);
    expect(await takeLane(db, 2)).toBe("yours");
    expect(await takeLane(db, 2)).toBe("yours");
  });

  test("is given back with an update that failed", async ({ db }) => {
    await press(db, 1);
    await press(db, 2, 8);
    await finish(db, 1, false);
    expect(await takeLane(db, 2)).toBe("yours");
  });

  test("is each chat's own", async ({ db }) => {
    await press(db, 1);
    expect(await claim(db, aPress(2, { chat_id: 1002, user_id: 1002 }))).toMatchObject({ lane: "yours" });
  });

  test("is not asked for by what is answered with a new message", async ({ db }) => {
    await press(db, 1);
    expect(await claim(db, aPress(2, { message_id: null }))).toMatchObject({ lane: "yours" });
    expect(await claim(db, aPress(3, { message_id: null }))).toMatchObject({ lane: "yours" });
    await finish(db, 1);
    expect(await press(db, 4, 9)).toMatchObject({ lane: "yours" });
  });

  test("goes to the newest press of a message, and the others are not shown", async ({ db }) => {
    await press(db, 1);
    for (const id of [2, 4, 3]) await press(db, id);
    expect(await takeLane(db, 3)).toBe("superseded");
    expect(await takeLane(db, 4)).toBe("wait");
    await finish(db, 1);
    expect([await takeLane(db, 2), await takeLane(db, 4)]).toEqual(["superseded", "yours"]);
  });

  test("is nobody's who comes after a newer press, by Telegram's order", async ({ db }) => {
    await press(db, 5);
    expect(await press(db, 4)).toMatchObject({ claim: "claimed", lane: "superseded" });
    await finish(db, 5);
    expect(await press(db, 3)).toMatchObject({ claim: "claimed", lane: "superseded" });
    expect(await press(db, 2, 8)).toMatchObject({ claim: "claimed", lane: "yours" });
  });

  test("waits a moment for one more press, when there was one half a second ago or less", async ({ db }) => {
    const ended = (id: number, seconds: number) =>
      db.query(
        `update tracegram.seen_updates set handled_at = timestamptz '2026-01-31 12:00Z' + $2 * interval '1 second'
         where update_id = $1`,
        [id, seconds],
      );
    expect(await at(db, 0, 1)).toMatchObject({ lane: "yours" });
    await ended(1, 0.1);
    expect(await at(db, 0.4, 2)).toMatchObject({ lane: "wait" });
    expect(await takeLane(db, 2)).toBe("yours");
    await ended(2, 0.4);
    expect(await at(db, 0.5, 3, 8)).toMatchObject({ lane: "yours" });
    await ended(3, 0.6);
    expect(await at(db, 0.95, 4)).toMatchObject({ lane: "yours" });
    // Telegram has held this one back until the one before was answered.
    await ended(4, 3);
    expect(await at(db, 3.1, 5)).toMatchObject({ lane: "wait" });
  });

  test("of an isolate that was killed ends with its claim", async ({ db }) => {
    await at(db, 0, 1);
    expect([(await at(db, 59, 2, 8)).lane, (await at(db, 60, 3, 9)).lane]).toEqual(["wait", "yours"]);
  });

  test("is nobody's without a claim", async ({ db }) => {
    expect(await takeLane(db, 99)).toBe("superseded");
    await press(db, 1);
    await finish(db, 1);
    expect(await takeLane(db, 1)).toBe("superseded");
  });

  test("two isolates at the same moment: one gets it, and in the end the newest", async ({ cluster }) => {
    const clients = [cluster.client("postgres"), cluster.client("postgres")];
    await Promise.all(clients.map((client) => client.connect()));
    const sql = "select public.claim_update($1, 6, 6, 'private', $2, true) ->> 'lane' as r";
    try {
      for (let id = 2000; id < 2040; id += 2) {
        const answers = await Promise.all(clients.map((client, i) => client.query(sql, [id + i, id])));
        const lanes = answers.map(({ rows }) => rows[0].r);
        expect(lanes.filter((lane) => lane === "yours")).toHaveLength(1);
        if (lanes[1] !== "yours") {
          await clients[0]!.query("select public.finish_update($1, true)", [id]);
          expect((await clients[1]!.query("select public.take_lane($1) as r", [id + 1])).rows).toEqual([{
            r: "yours",
          }]);
        }
        for (const i of [0, 1]) await clients[0]!.query("select public.finish_update($1, true)", [id + i]);
      }
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
});

describe("rich messages", () => {
  test("are sent to a chat until one is refused, and again after 30 days", async ({ db }) => {
    await claim(db, aPress(1));
    await finish(db, 1, true, true);
    expect(await claim(db, aPress(2))).toMatchObject({ rich: false });
    expect(await claim(db, aPress(3, { chat_id: 1002 }))).toMatchObject({ rich: true });
    await db.query("update tracegram.admin_chat_state set rich_refused_at = now() - interval '30 days 1 second'");
    await finish(db, 2);
    expect(await claim(db, aPress(4))).toMatchObject({ rich: true });
    // Refused once more, it is remembered once more.
    await finish(db, 4, false, true);
    expect(await claim(db, aPress(5))).toMatchObject({ rich: false });
  });
});
