/**
 * POST /functions/v1/ingest: one batch of traces from one bot.
 *
 * Only HTTP is decided here: who sends, how much, in which encoding. What a trace may hold is decided in `sql/40_wire.sql`.
 *
 * @module
 */
import { MAX_BODY_BYTES, type Problem } from "../../tracer/wire.ts";
import { readJson } from "../_shared/body.ts";
import type { Db } from "../_shared/db.ts";
import { RpcError } from "../_shared/errors.ts";

export interface IngestDeps {
  db: Pick<Db, "ingestTraces">;
  /** Epoch milliseconds. */
  now: () => number;
  /** One line for the function's log. */
  log: (line: string) => void;
}

/** A trace needs four; the rest is for fields that we do not know. */
const MAX_DEPTH = 32;

/** Refusals of ours, each with what to do. Those of the database come with their own hint. */
const REFUSALS = {
  method_not_allowed: [405, "Only POST is served here.", "POST a JSON array of traces."],
  missing_key: [401, "There is no ingest key.", "Send it as Authorization: Bearer tgk_…"],
  unsupported_media_type: [415, "The body is not declared as JSON.", "Send Content-Type: application/json."],
  unsupported_encoding: [
    415,
    "The body is in an encoding that is not served here.",
    "Send it plain, or as Content-Encoding: gzip.",
  ],
  invalid_gzip: [
    400,
    "The body is not the gzip it is declared to be.",
    "Compress the whole body once, as one gzip stream.",
  ],
  invalid_json: [400, "The body is not JSON.", "Send a JSON array of traces."],
  nested_too_deeply: [
    400,
    "The body is nested too deeply.",
    "Send traces as in tracer/wire.ts: four levels are enough.",
  ],
  body_too_large: [413, `The body is over ${MAX_BODY_BYTES} bytes.`, "Split the batch."],
} as const satisfies Record<string, readonly [number, string, string]>;

/** Without it a 401 is not HTTP. */
const CHALLENGE = { "www-authenticate": "Bearer" };

/** Answers 200 with an `IngestResult`, one result per trace; or a `Problem` with 400, 401, 405, 413, 415, 429, 500 or 503. */
export function createIngest({ db, now, log }: IngestDeps): (req: Request) => Promise<Response> {
  return async function ingest(req) {
    if (req.method !== "POST") return refuse("method_not_allowed", { allow: "POST" });
    const key = /^Bearer +(\S+)$/i.exec(req.headers.get("authorization") ?? "")?.[1];
    if (!key) return refuse("missing_key", CHALLENGE);
    if (!/^application\/json *(;|$)/i.test(req.headers.get("content-type") ?? "")) {
      return refuse("unsupported_media_type");
    }

    const body = await readJson(req, MAX_BODY_BYTES);
    if (!body.ok) return refuse(body.code);
    if (!isShallow(body.value)) return refuse("nested_too_deeply");

    try {
      return Response.json(await db.ingestTraces(key, body.value));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (error.status >= 500) {
        log(JSON.stringify({ event: "ingest_failed", code: error.code, message: error.message }));
      }
      return refuseForDb(error);
    }
  };

  function refuseForDb({ status, code, message, hint }: RpcError): Response {
    if (status === 503) {
      const problem = {
        code: "unavailable",
        message: "The database does not answer.",
        hint: "Send the batch again later.",
      };
      return answer(503, problem, { "retry-after": "5" });
    }
    if (status === 500) {
      return answer(500, {
        code: "internal",
        message: "The batch could not be stored.",
        hint: "See the function's log.",
      });
    }
    // The limit counts by the minute of the clock.
    const wait = String(60 - Math.floor(now() / 1000) % 60);
    return answer(status, { code, message, ...(hint && { hint }) }, {
      ...(status === 401 && CHALLENGE),
      ...(status === 429 && { "retry-after": wait }),
    });
  }
}

/** Whether no array or object stands below more than {@link MAX_DEPTH} others: what comes after us recurses, and gives up. */
function isShallow(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return false;
    level = level.flatMap((item) => typeof item === "object" && item !== null ? Object.values(item) : []);
  }
  return true;
}

function refuse(code: keyof typeof REFUSALS, headers: Record<string, string> = {}): Response {
  const [status, message, hint] = REFUSALS[code];
  return answer(status, { code, message, hint }, headers);
}

const answer = (status: number, problem: Problem, headers: Record<string, string> = {}): Response =>
  Response.json(problem, { status, headers });
