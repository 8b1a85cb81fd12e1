/**
 * Sends what `net.http_post` has queued, as pg_net's background worker does on hosted Supabase. `bootstrap.sql` is its SQL.
 *
 * As there: requests go out once the caller has committed, up to 200 at a time, and the next ones when all of these have
 * their answers; a failure is an answer with `error_msg`; header names are kept as the server wrote them; answers stay six
 * hours; both tables are unlogged, and what is under way when the worker stops is lost. `http_post` raises where it does
 * there: for no URL, one that is not http or https, and another content type than JSON.
 *
 * Not as there: only POST, without `params`. A redirect is an answer; pg_net follows it. Of pg_net's functions to look after
 * the worker, there is none. It is this process, not one of Postgres', so what is queued while the stack is down waits.
 *
 * @module
 */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

export interface NetWorker {
  /** Ends the requests that are under way, and the worker's session. */
  stop(): Promise<void>;
}

interface QueuedRequest {
  id: string;
  method: string;
  url: string;
  headers: Record<string, unknown> | null;
  body: Buffer | null;
  timeout_milliseconds: number;
}

interface Answer {
  status_code?: number;
  content_type?: string;
  headers?: Record<string, string>;
  content?: string;
  timed_out: boolean;
  error_msg?: string;
}

/** Notifications are what usually wakes it. */
const POLL_MS = 1000;

const TAKE = `
  with batch as (select id from net.http_request_queue order by id limit 200)
  delete from net.http_request_queue as q using batch where q.id = batch.id
  returning q.id, q.method, q.url, q.headers, q.body, q.timeout_milliseconds`;
const KEEP = `
  insert into net._http_response (id, status_code, content_type, headers, content, timed_out, error_msg)
  values ($1, $2, $3, $4, $5, $6, $7)`;
const EXPIRE = "delete from net._http_response where created < now() - interval '6 hours'";

/** @param client Makes a client of the superuser, not connected yet. */
export function startNet(client: () => pg.Client): NetWorker {
  const stop = new AbortController();
  const ended = (async () => {
    while (!stop.signal.aborted) {
      const db = client();
      // What ends the session fails the next query as well.
      db.on("error", () => {});
      try {
        await db.connect();
        await work(db, stop.signal);
      } catch (error) {
        // Without a SQLSTATE, or with one of 57P0x, Postgres has gone, which others notice.
        const { code = "" } = error as { code?: string };
        if (/^[0-9A-Z]{5}$/.test(code) && !code.startsWith("57P")) console.error("net:", error);
      } finally {
        await db.end().catch(() => {});
      }
      await pause(stop.signal);
    }
  })();
  return {
    stop() {
      stop.abort();
      return ended;
    },
  };
}

/** Sends until it is stopped, or the session has ended. */
async function work(db: pg.Client, stop: AbortSignal): Promise<void> {
  let wake = new AbortController();
  db.on("notification", () => wake.abort());
  await db.query("listen pg_net");
  while (!stop.aborted) {
    wake = new AbortController();
    const { rows } = await db.query<QueuedRequest>(TAKE);
    await Promise.all(rows.map(async (row) => {
      const answer = await send(row, stop);
      if (stop.aborted) return;
      const { status_code, content_type, headers, content, timed_out, error_msg } = answer;
      await db.query(KEEP, [row.id, status_code, content_type, headers, content, timed_out, error_msg]);
    }));
    if (rows.length > 0) continue;
    await db.query(EXPIRE);
    await pause(AbortSignal.any([stop, wake.signal]));
  }
}

const pause = (until: AbortSignal) => sleep(POLL_MS, undefined, { signal: until }).catch(() => {});

/** Never rejects. */
function send(
  { method, url, headers, body, timeout_milliseconds: ms }: QueuedRequest,
  stop: AbortSignal,
): Promise<Answer> {
  const timeout = AbortSignal.timeout(Math.max(ms, 0));
  return new Promise<Answer>((resolve, reject) => {
    const request = (new URL(url).protocol === "https:" ? requestHttps : requestHttp)(url, {
      method,
      headers: {
        "User-Agent": "pg_net (local stack)",
        ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)])),
      },
      agent: false,
      signal: AbortSignal.any([stop, timeout]),
    });
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const raw = response.rawHeaders;
        resolve({
          status_code: response.statusCode!,
          ...(response.headers["content-type"] && { content_type: response.headers["content-type"] }),
          headers: Object.fromEntries(raw.flatMap((name, i) => i % 2 === 0 ? [[name, raw[i + 1]!]] : [])),
          // Up to the first NUL, as there; an empty body is none.
          ...(chunks.length > 0 && { content: Buffer.concat(chunks).toString("utf8").split("\0")[0]! }),
          timed_out: false,
        });
      });
    });
    request.end(body ?? undefined);
  }).catch((error: Error & { code?: string }) =>
    timeout.aborted
      ? { timed_out: true, error_msg: `Timeout of ${ms} ms reached.` }
      : { timed_out: false, error_msg: REASONS[error.code ?? ""] ?? error.message }
  );
}

/** What curl says. */
const REASONS: Record<string, string> = {
  ECONNREFUSED: "Could not connect to server",
  ENOTFOUND: "Could not resolve hostname",
  EAI_AGAIN: "Could not resolve hostname",
  ECONNRESET: "Server returned nothing (no headers, no data)",
};
