// One chat, two isolates: the function runs twice, and each update goes to the one whose turn it is.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { encodeAction } from "../../../functions/telegram/callback.ts";
import { type AdminStack, buttonsOf, lastOf, pageOf, startAdminStack } from "../../_support/admin.ts";
import { makeTrace } from "../../_support/traces.ts";

let stack: AdminStack;
let db: pg.Client;
let nextUpdate = 1;
beforeAll(async () => {
  stack = await startAdminStack({}, { isolates: 2 });
  db = stack.client("postgres");
  await db.connect();
  await stack.ingest(Array.from({ length: 120 }, (_, i) => makeTrace({ pipeline: `p${i}` })));
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});
beforeEach(async () => {
  stack.telegram.client.clearFaults();
  await db.query("delete from tracegram.seen_updates");
  nextUpdate += 1_000_000;
});

const admin = { id: 1001, is_bot: false, first_name: "Ada" };
const pressed = (message_id: number, data: string, update_id = nextUpdate++) => ({
  update_id,
  callback_query: {
    id: String(update_id),
    from: admin,
    chat_instance: "1",
    data,
    message: { message_id, date: 0, chat: { id: 1001, type: "private" }, text: "x" },
  },
});

/** Opens the list, and names the data of pages: each one's first trace is another. */
async function openList() {
  const ada = stack.person();
  const { message_id, reply_markup } = lastOf(await ada.say("/admin traces"));
  const { rows } = await db.query(
    "select trace_id from tracegram.pipeline_traces order by started_at desc, trace_id desc",
  );
  const page = (n: number) =>
    encodeAction({ screen: "traces", cursor: { direction: "from", trace_id: rows[(n - 1) * 10].trace_id } });
  expect(reply_markup).toBeDefined();
  return { ada, message_id, page };
}

const edits = (message_id: number, since: number) =>
  stack.telegram.client.records.calls.slice(since).filter(({ method, params }) =>
    method === "editMessageText" && Number(params["message_id"]) === message_id
  );
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test.each([["at once", 0], ["within a second", 90]])(
  "ten presses %s end on the last page, with at most two edits",
  async (_, gap) => {
    const { ada, message_id, page } = await openList();
    const since = stack.telegram.client.records.calls.length;
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, i) => {
      const update = pressed(message_id, page(i + 2));
      await sleep(i * gap);
      return (await stack.post(update)).status;
    }));
    expect(answers).toEqual(Array(10).fill(200));
    expect(pageOf(ada.view())).toBe("Page 11/12");
    expect(edits(message_id, since).length).toBeLessThanOrEqual(2);
    expect(stack.telegram.client.records.calls.filter((call) => call.status === 429)).toEqual([]);
  },
);

test("ten presses within a second, delivered one after the other, end so, too", async () => {
  const { ada, message_id, page } = await openList();
  const { client } = stack.telegram;
  for (const ms of [0, 700]) {
    // The others are delivered when the first one was shown.
    if (ms > 0) client.fault({ method: "editMessageText", fault: { kind: "delay", ms } });
    const since = client.records.calls.length;
    await stack.hurried(
      Array.from(
        { length: 10 },
        (_, i) => () => client.press({ chat: ada.chat, message_id, data: page(i + 2), forged: true }),
      ),
    );
    expect(pageOf(ada.view())).toBe("Page 11/12");
    expect(edits(message_id, since).length).toBeLessThanOrEqual(2);
    await ada.forge(page(1));
    await sleep(600);
  }
});

test.each([["delivered one after the other", true], ["over several connections", false]])(
  "presses of an export within a second send at most two files, and hold up no page: %s",
  async (_, inOrder) => {
    const { ada, message_id } = await openList();
    const { client } = stack.telegram;
    const since = client.records.calls.length;
    const files = () => client.records.calls.slice(since).filter(({ method }) => method === "sendDocument").length;
    const data = encodeAction({ screen: "export", of: "traces", format: "csv" });
    if (inOrder) {
      await stack.hurried(
        Array.from({ length: 5 }, () => () => client.press({ chat: ada.chat, message_id, data, forged: true })),
      );
    } else {
      client.fault({ method: "sendDocument", fault: { kind: "delay", ms: 3000 } });
      const sent = Array.from({ length: 4 }, async (_, i) => {
        const update = pressed(message_id, data);
        await sleep(i * 300);
        await stack.post(update);
      });
      await sleep(1500);
      // Another message's page does not wait for the file.
      const started = performance.now();
      await stack.post(pressed(message_id + 1000, encodeAction({ screen: "home" })));
      expect(performance.now() - started).toBeLessThan(1400);
      await Promise.all(sent);
    }
    expect(files()).toBeGreaterThanOrEqual(1);
    expect(files()).toBeLessThanOrEqual(2);
  },
);

test("an edit that takes its time is over before the next one begins", async () => {
  const { ada, message_id, page } = await openList();
  const { client } = stack.telegram;
  const since = client.records.calls.length;
  client.fault({ method: "editMessageText", fault: { kind: "delay", ms: 1500 } });
  const first = stack.post(pressed(message_id, page(3)));
  await sleep(700);
  // The other isolate has it, and nothing to wait for but the lane.
  const second = stack.post(pressed(message_id, page(5)));
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  const [one, two, ...rest] = edits(message_id, since);
  expect(rest).toEqual([]);
  expect(two!.at - one!.at).toBeGreaterThanOrEqual(1400);
  expect(pageOf(ada.view())).toBe("Page 5/12");
});

test("presses that come in another order than they were made end on the last one made", async () => {
  const { ada, message_id, page } = await openList();
  const updates = [2, 3, 4, 5].map((n) => pressed(message_id, page(n)));
  await Promise.all([3, 0, 2, 1].map((i) => stack.post(updates[i]!)));
  expect(pageOf(ada.view())).toBe("Page 5/12");
  expect((await stack.post(pressed(message_id, page(2), updates[0]!.update_id - 1))).status).toBe(200);
  expect(pageOf(ada.view())).toBe("Page 5/12");
});

test("an update that both get is handled once", async () => {
  const { ada, message_id, page } = await openList();
  const since = stack.telegram.client.records.calls.length;
  const update = pressed(message_id, page(4));
  const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await stack.post(update)).status));
  expect(statuses).toContain(200);
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(edits(message_id, since)).toHaveLength(1);
  expect(pageOf(ada.view())).toBe("Page 4/12");
});

test("a press whose isolate was killed is handled again after its lease, and holds the lane until then", async () => {
  const { ada, message_id, page } = await openList();
  const update = pressed(message_id, page(6));
  // What the killed isolate has left behind: a claim with the lane, and no end.
  const leave = (seconds: number) =>
    db.query(
      `insert into tracegram.seen_updates (update_id, claimed_at, chat_id, message_id, lane_at)
       values ($1, now() - $2 * interval '1 second', 1001, $3, now() - $2 * interval '1 second')
       on conflict (update_id) do update set claimed_at = excluded.claimed_at, handled_at = null`,
      [update.update_id, seconds, message_id],
    );
  await leave(2);
  expect((await stack.post(update)).status).toBe(503);
  // Another message of the chat waits for the lane as long as a person would.
  const since = stack.telegram.client.records.calls.length;
  expect((await stack.post(pressed(message_id + 1000, page(2)))).status).toBe(200);
  expect(stack.telegram.client.records.calls.slice(since).map(({ method }) => method)).toEqual(["answerCallbackQuery"]);
  await leave(60);
  expect((await stack.post(update)).status).toBe(200);
  expect(pageOf(ada.view())).toBe("Page 6/12");
  expect(buttonsOf(ada.view()).length).toBeGreaterThan(1);
}, 20_000);

test("a press that nobody contends is one claim and one end, and no other question", async () => {
  const { message_id, page } = await openList();
  await sleep(1100);
  await stack.post(pressed(message_id, page(7)));
  const { rows } = await db.query(
    "select lane_at = claimed_at as at_once, handled_at is not null as ended from tracegram.seen_updates where message_id is not null",
  );
  expect(rows).toEqual([{ at_once: true, ended: true }]);
});
