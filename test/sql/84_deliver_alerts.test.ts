// Over 300 lines, because it is one way: each test sends events through the same worker to the same receiver.
//
// An event on its way to the receiver: the real http_post, the worker that sends, and an HTTP server.
import type pg from "pg";
import { expect } from "vitest";
import { startNet } from "../../scripts/stack/net.ts";
import { freePort } from "../../scripts/stack/ports.ts";
import { changeSettings, evaluate, fillQuota, MINUTE, NOON, test as base } from "../_support/alerts.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";
import { type Receiver, startReceiver } from "../_support/receiver.ts";

interface Posted {
  event_id: number;
  kind: string;
  [field: string]: unknown;
}

const START = Date.now();
/** The time that deliveries are told, in minutes after the first. */
const at = (minutes: number) => new Date(START + minutes * MINUTE);

/** `live` commits; it starts without alerts, with `receiver` as the receiver, and without pg_cron's help. */
const test = base
  .extend("receiver", async ({ task: _task }, { onCleanup }) => {
    const receiver = await startReceiver();
    onCleanup(() => receiver.close());
    return receiver;
  })
  .extend("live", async ({ cluster, receiver }, { onCleanup }) => {
    const live = cluster.client("postgres");
    await live.connect();
    onCleanup(() => live.end());
    await live.query("select cron.unschedule(jobid) from cron.job where jobname = 'tracegram-alerts'");
    await live.query("update tracegram.alert_rules set enabled = false where rule = 'cron_failed'");
    await live.query("begin; select pg_advisory_xact_lock(hashtext('tracegram.alerts')); commit");
    await live.query(
      "truncate tracegram.alerts, tracegram.alert_events, tracegram.alert_messages, tracegram.alert_state restart identity",
    );
    await live.query("delete from net.http_request_queue; delete from net._http_response");
    await changeSettings(live, { alert_url: `${receiver.url}/alerts`, alert_secret: "hush" });
    return live;
  })
  .extend("worker", ({ cluster }, { onCleanup }) => {
    const worker = startNet(() => cluster.client("supabase_admin"));
    onCleanup(() => worker.stop());
    return worker;
  });

/** Has the quota rule open its alert, and resolve it as well when asked. */
async function openQuota(db: pg.Client, resolve = false): Promise<void> {
  const values = [90, 90, ...(resolve ? [70, 70, 70, 70, 70] : [])];
  for (const [minute, percent] of values.entries()) {
    await fillQuota(db, percent);
    await evaluate(db, NOON + minute * MINUTE);
  }
  // As if it had happened when the deliveries start.
  await db.query("update tracegram.alert_events set created_at = $1, next_attempt_at = $1", [at(0)]);
}

const deliver = async (db: pg.Client, minutes: number): Promise<number> =>
  (await db.query("select tracegram.deliver_alerts($1) as n", [at(minutes)])).rows[0].n;

/** Delivers, and waits until each request that is under way has its answer. */
async function deliverAndHear(db: pg.Client, minutes: number): Promise<number> {
  const sent = await deliver(db, minutes);
  const open = `select from tracegram.alert_events as e where e.request_id is not null and e.delivered_at is null
    and not exists (select from net._http_response as r where r.id = e.request_id)`;
  await expect.poll(async () => (await db.query(open)).rowCount, { timeout: 10_000 }).toBe(0);
  return sent;
}

const events = async (db: pg.Client) =>
  (await db.query(
    "select kind, attempts, delivered_at, next_attempt_at, last_error from tracegram.alert_events order by event_id",
  )).rows;
const bodies = ({ heard }: Receiver) => heard.map(({ body }) => JSON.parse(body) as Posted);

test("an alert is told when it opens, and when it resolves", async ({ live, receiver, worker: _worker }) => {
  await openQuota(live);
  expect(await deliverAndHear(live, 0)).toBe(1);
  expect(await deliver(live, 1)).toBe(0);
  expect(await events(live)).toMatchObject([{ kind: "opened", attempts: 1, delivered_at: at(1), last_error: null }]);
  expect(receiver.heard[0]).toMatchObject({
    method: "POST",
    path: "/alerts",
    headers: { "content-type": "application/json", "x-tracegram-secret": "hush" },
  });
  const opened = bodies(receiver)[0]!;
  expect(opened).toEqual({
    event_id: 1,
    kind: "opened",
    rule: "quota",
    summary: "The database is nearly full",
    value: expect.closeTo(90, 0),
    threshold: 80,
    unit: "percent",
    detail: expect.stringMatching(/^\d+ of \d+ MB$/),
    opened_at: new Date(NOON + MINUTE).toISOString(),
    resolved_at: null,
  });

  for (const minute of [2, 3, 4, 5, 6]) {
    await fillQuota(live, 70);
    await evaluate(live, NOON + minute * MINUTE);
  }
  await live.query("update tracegram.alert_events set created_at = $1, next_attempt_at = $1 where kind = 'resolved'", [
    at(2),
  ]);
  expect(await deliverAndHear(live, 2)).toBe(1);
  expect(await deliver(live, 3)).toBe(0);
  expect(bodies(receiver)).toEqual([opened, {
    ...opened,
    event_id: 2,
    kind: "resolved",
    value: expect.closeTo(70, 0),
    detail: expect.stringMatching(/^\d+ of \d+ MB$/),
    resolved_at: new Date(NOON + 6 * MINUTE).toISOString(),
  }]);
  expect(await deliver(live, 60)).toBe(0);
});

test("that it resolved is told after that it opened, however long that takes", async ({ live, receiver, worker: _worker }) => {
  await openQuota(live, true);
  receiver.respond = (response) => response.writeHead(500).end();
  expect(await deliverAndHear(live, 0)).toBe(1);
  receiver.respond = (response) => response.writeHead(204).end();
  expect(await deliver(live, 1)).toBe(0); // it failed
  expect(await deliverAndHear(live, 2)).toBe(1);
  expect(await deliverAndHear(live, 3)).toBe(1);
  expect(bodies(receiver).map(({ kind, event_id }) => `${kind} ${event_id}`)).toEqual([
    "opened 1",
    "opened 1",
    "resolved 2",
  ]);
});

test("a receiver that fails is tried again after 1, 2, 4 … 60 minutes, with the same event", async ({ live, receiver, worker: _worker }) => {
  await openQuota(live);
  receiver.respond = (response) => response.writeHead(500).end("out of order");
  let minute = 0;
  for (const pause of [1, 2, 4, 8, 16, 32, 60, 60]) {
    expect(await deliverAndHear(live, minute)).toBe(1);
    expect(await deliver(live, minute + 1)).toBe(0); // which looks at the answer
    minute += 1 + pause;
    expect(await events(live)).toMatchObject([{
      delivered_at: null,
      next_attempt_at: at(minute),
      last_error: "HTTP 500: out of order",
    }]);
    expect(await deliver(live, minute - 0.1)).toBe(0);
  }
  receiver.respond = (response) => response.writeHead(200).end();
  expect(await deliverAndHear(live, minute)).toBe(1);
  await deliver(live, minute + 1);
  expect(await events(live)).toMatchObject([{ attempts: 9, delivered_at: at(minute + 1), last_error: null }]);
  expect(new Set(bodies(receiver).map(({ event_id }) => event_id)).size).toBe(1);
});

test("one who asks for time gets it", async ({ live, receiver, worker: _worker }) => {
  await openQuota(live);
  receiver.respond = (response) => response.writeHead(429, { "Retry-After": "600" }).end();
  await deliverAndHear(live, 0);
  receiver.respond = (response) => response.writeHead(200).end();
  expect(await deliver(live, 1)).toBe(0);
  expect(await deliver(live, 10.9)).toBe(0);
  expect(await deliverAndHear(live, 11)).toBe(1);
  expect(receiver.heard).toHaveLength(2);
});

test.for(
  [
    [{ "retry-after": "90" }, 1, 1.5],
    [{ "RETRY-AFTER": "5" }, 1, 1],
    [{ "Retry-After": "Sat, 31 Jan 2026 12:30:00 GMT" }, 1, 30],
    [{ "Retry-After": "Sat, 31 Jan 2026 11:30:00 GMT" }, 3, 4],
    [{ "Retry-After": "99999999999999999999" }, 1, 1],
    [{ "Retry-After": "soon" }, 1, 1],
    [null, 1, 1],
    [{}, 30, 60],
  ] as const,
)("Retry-After %j after attempt %i: in %f minutes", async ([headers, attempts, minutes], { db }) => {
  const now = Date.UTC(2026, 0, 31, 12);
  const { rows } = await db.query("select tracegram.retry_at($1, $2, $3) as at", [
    attempts,
    headers && JSON.stringify(headers),
    new Date(now),
  ]);
  expect(rows[0].at).toEqual(new Date(now + minutes * MINUTE));
});

test("a receiver that is away is told when it is back", async ({ live, worker: _worker }) => {
  const port = await freePort();
  await changeSettings(live, { alert_url: `http://127.0.0.1:${port}/`, alert_secret: null });
  await openQuota(live);
  await deliverAndHear(live, 0);
  await deliver(live, 1);
  expect(await events(live)).toMatchObject([{ delivered_at: null, last_error: "Could not connect to server" }]);
  const back = await startReceiver(port);
  try {
    expect(await deliverAndHear(live, 2)).toBe(1);
    await deliver(live, 3);
    expect(await events(live)).toMatchObject([{ delivered_at: at(3) }]);
    expect(back.heard.map(({ headers }) => headers["x-tracegram-secret"])).toEqual([undefined]);
  } finally {
    back.close();
  }
});

test("a request that nobody sends is made again a minute later", async ({ live, cluster, receiver }) => {
  await openQuota(live);
  expect(await deliver(live, 0)).toBe(1); // no worker runs
  expect(await deliver(live, 0.9)).toBe(0);
  expect(await events(live)).toMatchObject([{ attempts: 1, last_error: null }]);
  expect(await deliver(live, 1)).toBe(0);
  expect(await events(live)).toMatchObject([{ attempts: 1, last_error: "no answer within a minute" }]);
  expect(await deliver(live, 2)).toBe(1);
  const worker = startNet(() => cluster.client("supabase_admin"));
  try {
    await expect.poll(() => bodies(receiver).map(({ event_id }) => event_id), { timeout: 10_000 }).toEqual([1, 1]);
  } finally {
    await worker.stop();
  }
});

test("an event is given up after a day", async ({ live }) => {
  await openQuota(live, true);
  expect(await deliver(live, 24 * 60 - 1)).toBe(1);
  await live.query("update tracegram.alert_events set request_id = null, next_attempt_at = $1", [at(0)]);
  expect(await deliver(live, 24 * 60)).toBe(0);
});

test("a request that cannot even be made is an attempt that failed", async ({ live }) => {
  await changeSettings(live, { alert_url: "https:///nowhere" });
  await openQuota(live);
  expect(await deliver(live, 0)).toBe(0);
  expect(await events(live)).toMatchObject([{
    attempts: 1,
    next_attempt_at: at(1),
    last_error: 'invalid URL "https:///nowhere"',
  }]);
});

test("without an address, events wait for one", async ({ live, receiver, worker: _worker }) => {
  await changeSettings(live, { alert_url: null });
  await openQuota(live);
  expect(await deliver(live, 0)).toBe(0);
  expect(await events(live)).toMatchObject([{ attempts: 0, last_error: null }]);
  await changeSettings(live, { alert_url: receiver.url });
  expect(await deliverAndHear(live, 5)).toBe(1);
});

test("where there is no pg_net, alerts open all the same, and events wait", async ({ live, cluster }) => {
  await openQuota(live);
  await live.query("truncate tracegram.alert_state");
  const admin = cluster.client("supabase_admin");
  await admin.connect();
  try {
    await admin.query("begin; drop schema net cascade; set role postgres");
    await admin.query("select tracegram.watch($1)", [at(0)]);
    expect((await admin.query("select count(*)::int as n from tracegram.alert_state where error is null")).rows)
      .toEqual([{ n: 13 }]);
    expect(await events(admin)).toMatchObject([{ attempts: 0, last_error: null }]);
  } finally {
    await admin.query("rollback").finally(() => admin.end());
  }
});

test("whatever keeps an event from being told does not keep alerts from opening", async ({ live, cluster }) => {
  await openQuota(live);
  await live.query("truncate tracegram.alert_state");
  const admin = cluster.client("supabase_admin");
  await admin.connect();
  try {
    await admin.query("begin; alter table net._http_response rename status_code to code; set role postgres");
    await admin.query("select tracegram.watch($1)", [at(0)]);
    expect((await admin.query("select count(*)::int as n from tracegram.alert_state")).rows).toEqual([{ n: 13 }]);
    expect(await events(admin)).toMatchObject([{ last_error: "column r.status_code does not exist" }]);
  } finally {
    await admin.query("rollback").finally(() => admin.end());
  }
});

test("what waits is folded first; alerts open without that as well", async ({ db }) => {
  await db.query("select pg_advisory_xact_lock(hashtext('tracegram.fold_batches'))");
  const key = await givenKey(db);
  const waiting = async () => (await db.query("select from tracegram.batches")).rowCount;
  await ingest(db, key, [makeTrace()]);
  await db.query("select tracegram.watch($1)", [at(0)]);
  expect(await waiting()).toBe(0);

  await ingest(db, key, [makeTrace()]);
  await db.query("alter table tracegram.rollups drop column stepless");
  await db.query("select tracegram.watch($1)", [at(1)]);
  expect(await waiting()).toBe(1);
  const evaluated = "select from tracegram.alert_state where evaluated_at = $1 and error is null";
  expect((await db.query(evaluated, [at(1)])).rowCount).toBeGreaterThan(5);
});

test("of two who deliver at the same moment, one does", async ({ live, cluster, receiver, worker: _worker }) => {
  await openQuota(live);
  const clients = Array.from({ length: 4 }, () => cluster.client("postgres"));
  await Promise.all(clients.map((client) => client.connect()));
  const sent = await Promise.all(clients.map((client) => deliver(client, 0)));
  await Promise.all(clients.map((client) => client.end()));
  expect(sent.reduce((sum, n) => sum + n)).toBe(1);
  await deliverAndHear(live, 0);
  expect(receiver.heard).toHaveLength(1);
});

test("pg_cron does it all", { timeout: 60_000 }, async ({ live, receiver, worker: _worker }) => {
  const delivered = "select from tracegram.alert_events where delivered_at is not null";
  await fillQuota(live, 90);
  await live.query(`
    update tracegram.alert_rules set opens_after = 1 where rule = 'quota';
    select cron.schedule('tracegram-alerts', '1 second', command) from tracegram.jobs where job = 'tracegram-alerts'`);
  try {
    await expect.poll(() => bodies(receiver).map(({ rule }) => rule), { timeout: 30_000 }).toEqual(["quota"]);
    await expect.poll(async () => (await live.query(delivered)).rowCount, { timeout: 30_000 }).toBe(1);
  } finally {
    await live.query(`
      select cron.unschedule('tracegram-alerts');
      update tracegram.alert_rules set opens_after = 2 where rule = 'quota'`);
  }
});
