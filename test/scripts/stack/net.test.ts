// The local stand-in for pg_net: its http_post, and the worker that sends.
import type pg from "pg";
import { afterEach, beforeEach, expect } from "vitest";
import { startNet } from "../../../scripts/stack/net.ts";
import { freePort } from "../../../scripts/stack/ports.ts";
import { as, test as base } from "../../_support/db.ts";
import { type Receiver, startReceiver } from "../../_support/receiver.ts";

/** `live` is outside of any transaction, and the worker runs: what is committed is sent. */
const test = base
  .extend("worker", ({ cluster }, { onCleanup }) => {
    const worker = startNet(() => cluster.client("supabase_admin"));
    onCleanup(() => worker.stop());
    return worker;
  })
  .extend("live", async ({ cluster, worker: _worker }, { onCleanup }) => {
    const live = cluster.client("postgres");
    await live.connect();
    onCleanup(() => live.end());
    return live;
  });

let receiver: Receiver;
let url: string;

beforeEach(async () => {
  receiver = await startReceiver();
  ({ url } = receiver);
  receiver.respond = (response) =>
    response.writeHead(200, { "Content-Type": "text/plain", "Retry-After": "7" }).end("thanks");
});
afterEach(() => receiver.close());

async function post(db: pg.Client, args: string, values: unknown[]): Promise<string> {
  return (await db.query(`select net.http_post(${args}) as id`, values)).rows[0].id;
}

/** The answer to a request, once it is there. */
async function answerTo(db: pg.Client, id: string) {
  const rows = async () => (await db.query("select * from net._http_response where id = $1", [id])).rows;
  await expect.poll(rows, { timeout: 10_000 }).toHaveLength(1);
  return (await rows())[0];
}

test("a request is sent once its caller has committed, and its answer is kept", async ({ live, cluster }) => {
  const other = cluster.client("postgres");
  await other.connect();
  await live.query("begin");
  await post(live, "$1", [`${url}/rolled-back`]);
  await live.query("rollback; begin");
  const id = await post(live, `$1, '{"a": [1, "ü"]}', headers => '{"X-Secret": "s", "X-Number": 5}'`, [`${url}/hook`]);
  // Another session's request comes and goes meanwhile: the worker looks, and sees no more than it may.
  await answerTo(other, await post(other, "$1", [`${url}/other`]));
  await other.end();
  expect(receiver.heard.map(({ path }) => path)).toEqual(["/other"]);
  await live.query("commit");

  expect(await answerTo(live, id)).toEqual({
    id,
    status_code: 200,
    content_type: "text/plain",
    headers: expect.objectContaining({ "Content-Type": "text/plain", "Retry-After": "7" }),
    content: "thanks",
    timed_out: false,
    error_msg: null,
    created: expect.any(Date),
  });
  expect(receiver.heard.map(({ path }) => path)).toEqual(["/other", "/hook"]);
  expect(receiver.heard[1]).toMatchObject({
    method: "POST",
    headers: { "content-type": "application/json", "x-secret": "s", "x-number": "5" },
    body: '{"a": [1, "ü"]}',
  });
  expect((await live.query("select from net.http_request_queue")).rowCount).toBe(0);
});

test("left out, the body is an empty object and the timeout five seconds", async ({ db }) => {
  await db.query("select net.http_post('http://127.0.0.1/')");
  const sql =
    "select method, headers, convert_from(body, 'UTF8') as body, timeout_milliseconds from net.http_request_queue";
  expect((await db.query(sql)).rows).toEqual([
    { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}", timeout_milliseconds: 5000 },
  ]);
});

test.for([
  ["no URL", "null", "23502", 'null value in column "url"'],
  ["a URL without a scheme", "'/hook'", "P0001", 'invalid URL "/hook"'],
  ["a URL without a host", "'https:///hook'", "P0001", "invalid URL"],
  ["a URL with a space", "'https://a b/'", "P0001", "invalid URL"],
  ["another scheme", "'localhost:80'", "P0001", "Unsupported URL scheme"],
  ["another content type", `'http://a/', headers => '{"content-type": "text/plain"}'`, "P0001", "must be"],
])("refused at once: %s", async ([, args, code, message], { db }) => {
  await expect(db.query(`select net.http_post(${args})`)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message!),
  });
});

test("a failure is an answer too, and the next request goes out", async ({ live }) => {
  const nobody = await freePort();
  const refused = await post(live, "$1", [`http://127.0.0.1:${nobody}/`]);
  expect(await answerTo(live, refused)).toMatchObject({
    status_code: null,
    headers: null,
    timed_out: false,
    error_msg: "Could not connect to server",
  });
  expect(await answerTo(live, await post(live, "$1", ["http://no-such-host.invalid/"]))).toMatchObject({
    error_msg: "Could not resolve hostname",
  });
  expect(await answerTo(live, await post(live, "$1", ["http://127.0.0.1:99999/"]))).toMatchObject({
    error_msg: expect.stringMatching(/./),
  });

  receiver.respond = (response) => response.destroy();
  expect(await answerTo(live, await post(live, "$1", [url]))).toMatchObject({
    status_code: null,
    error_msg: "Server returned nothing (no headers, no data)",
  });

  receiver.respond = () => {}; // never
  const slow = await post(live, "$1, timeout_milliseconds => 100", [url]);
  expect(await answerTo(live, slow)).toMatchObject({
    status_code: null,
    timed_out: true,
    error_msg: expect.stringMatching(/^Timeout of 100 ms reached/),
  });

  receiver.respond = (response) => response.writeHead(503).end();
  expect(await answerTo(live, await post(live, "$1", [url]))).toMatchObject({ status_code: 503, content: null });
});

test("a redirect is an answer, and goes nowhere", async ({ live }) => {
  receiver.respond = (response) => response.writeHead(307, { Location: `${url}/elsewhere` }).end();
  expect(await answerTo(live, await post(live, "$1", [url]))).toMatchObject({ status_code: 307 });
  expect(receiver.heard.map(({ path }) => path)).toEqual(["/"]);
});

test("an answer goes after six hours", async ({ live }) => {
  await live.query(
    "insert into net._http_response (id, created) select -hours, now() - hours * interval '1 hour' from unnest(array[5, 7]) as hours",
  );
  const left = async () => (await live.query("select id from net._http_response where id < 0")).rows;
  await expect.poll(left, { timeout: 10_000 }).toEqual([{ id: "-5" }]);
});

const SESSIONS =
  "select pid from pg_stat_activity where usename = 'supabase_admin' and backend_type = 'client backend'";

test("the worker comes back when its session was ended", async ({ live, cluster }) => {
  await answerTo(live, await post(live, "$1", [url]));
  const admin = cluster.client("supabase_admin");
  await admin.connect();
  const ended = await admin.query(
    `select pg_terminate_backend(pid) from (${SESSIONS}) s where pid <> pg_backend_pid()`,
  );
  await admin.end();
  expect(ended.rowCount).toBe(1);
  expect(await answerTo(live, await post(live, "$1", [url]))).toMatchObject({ status_code: 200 });
});

test("stopped, it leaves neither a request nor a session", async ({ live, worker }) => {
  let gone = false;
  const heardIt = new Promise<void>((resolve) => {
    receiver.respond = (response) => {
      response.once("close", () => gone = true);
      resolve();
    };
  });
  const id = await post(live, "$1, timeout_milliseconds => 60000", [url]);
  await heardIt;
  await worker.stop();
  await expect.poll(() => gone).toBe(true);
  await expect.poll(async () => (await live.query(SESSIONS)).rows).toEqual([]);
  expect((await live.query("select from net._http_response where id = $1", [id])).rowCount).toBe(0);
});

test("whoever may use the database may use it, as on hosted Supabase", async ({ db }) => {
  for (const role of ["anon", "authenticated", "service_role"] as const) {
    await as(db, role, () => db.query("select net.http_post('http://a/')"));
    await as(db, role, () => db.query("select from net._http_response"));
  }
});
