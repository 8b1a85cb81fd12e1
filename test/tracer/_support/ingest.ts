// A server as strict as the ingest function about the wire, which fails on demand.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import {
  MAX_BODY_BYTES,
  MAX_ERROR,
  MAX_STEP_NAME,
  MAX_TRACES_PER_BATCH,
  type WireBatch,
  type WireReport,
  type WireTrace,
} from "../../../tracer/wire.ts";

export const KEY = "tg_test_key";

/** What the server does with one request instead of storing it. */
export type Failure =
  | { status: number; code?: string; headers?: Record<string, string> }
  | "hang"
  | "reset"
  | ((batch: WireTrace[]) => Failure | undefined);

export interface IngestServer {
  url: string;
  /** The last state of each trace that was taken. */
  stored: Map<string, WireTrace>;
  /** Batches that came, in order, failed ones too. */
  requests: { headers: IncomingHttpHeaders; batch: WireTrace[]; report?: WireReport; bytes: number; at: number }[];
  /** What each sender says that it has dropped, of the requests that were taken. */
  dropped: Map<string, WireReport["dropped"]>;
  /** How the next requests fail, one each; the last one goes on for ever if it is a function. */
  failures: Failure[];
  /** Traces for which the server says no, by pipeline. */
  rejects: Set<string>;
  /** Resolves when `ready` says so; asked after each request. */
  until(ready: () => boolean): Promise<void>;
}

export async function startIngest(): Promise<IngestServer> {
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk)).on("end", () => {
      const raw = Buffer.concat(chunks);
      const text = (request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw).toString();
      // Both transports come here: PostgREST's body names the arguments of the function.
      const parsed = JSON.parse(text);
      const rpc = request.url === "/rest/v1/rpc/ingest_traces";
      const key = rpc ? parsed.p_key : request.headers.authorization?.replace("Bearer ", "");
      const body: WireBatch = rpc ? parsed.p_batch : parsed;
      const report = Array.isArray(body) ? undefined : body;
      const batch = Array.isArray(body) ? body : body.traces;
      ingest.requests.push({
        headers: request.headers,
        batch,
        ...(report && { report }),
        bytes: Buffer.byteLength(JSON.stringify(body)),
        at: performance.now(),
      });
      answer(ingest, batch, report, key, text, response);
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });

  const ingest: IngestServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stored: new Map(),
    dropped: new Map(),
    requests: [],
    failures: [],
    rejects: new Set(),
    until: (ready) =>
      new Promise((resolve) => {
        const check = () => {
          if (!ready()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
  return ingest;
}

function answer(
  ingest: IngestServer,
  batch: WireTrace[],
  report: WireReport | undefined,
  key: unknown,
  text: string,
  response: ServerResponse,
): void {
  const send = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

  const lasting = ingest.failures.length === 1 && typeof ingest.failures[0] === "function";
  let failure = lasting ? ingest.failures[0] : ingest.failures.shift();
  if (typeof failure === "function") failure = failure(batch);
  if (failure === "hang") return;
  if (failure === "reset") return void response.destroy();
  if (typeof failure === "object") {
    const { status, code = `http_${status}`, headers } = failure;
    return void send(status, { code, message: `told to answer ${status}`, hint: "Do better." }, headers);
  }
  if (key !== KEY) return void send(401, { code: "TG001", message: "unknown ingest key" });
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) return void send(413, { code: "TG003", message: "too large" });

  try {
    check(batch, ingest.stored);
    if (report) checkReport(report);
  } catch (error) {
    return void send(400, { code: "TG002", message: String(error) });
  }
  const items = batch.map((trace) => {
    const { trace_id } = trace;
    if (ingest.rejects.has(trace.pipeline)) return { trace_id, result: "rejected", code: "TG012", message: "no" };
    const before = ingest.stored.get(trace_id);
    if (before !== undefined && (before.status !== "running" || trace.status === "running")) {
      // A sender in need sends the trace first, and what was said in it later.
      if (trace.io) before.io ??= trace.io;
      return { trace_id, result: "duplicate" };
    }
    ingest.stored.set(trace_id, { ...trace });
    return { trace_id, result: before ? "updated" : "stored" };
  });
  if (report) ingest.dropped.set(report.sender, report.dropped);
  const count = (result: string) => items.filter((item) => item.result === result).length;
  send(200, {
    stored: count("stored"),
    updated: count("updated"),
    duplicate: count("duplicate"),
    rejected: count("rejected"),
    items,
  });
}

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function checkReport({ sender, dropped, ...rest }: WireReport): void {
  must(Object.keys(rest).join() === "traces", "unknown field of the report");
  must(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(sender), "sender");
  const totals = Object.entries(dropped);
  must(totals.length > 0 && totals.every(([, total]) => Number.isSafeInteger(total) && total > 0), "dropped");
}

/** @throws {Error} For anything that `tracer/wire.ts` does not allow. */
function check(batch: WireTrace[], stored: Map<string, WireTrace>): void {
  const whole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const known = (object: object, keys: string) => {
    for (const key of Object.keys(object)) must(keys.split(" ").includes(key), `unknown field ${key}`);
  };
  must(Array.isArray(batch) && batch.length > 0 && batch.length <= MAX_TRACES_PER_BATCH, "batch size");
  must(new Set(batch.map((trace) => trace.trace_id)).size === batch.length, "a trace twice in one batch");
  must(!/\0|\p{Surrogate}/u.test(batch.map((trace) => stringsOf(trace).join()).join()), "text Postgres cannot store");

  for (const trace of batch) {
    const top = "trace_id started_at pipeline status duration_ms error release update_id chat_id user_id message_id";
    known(trace, `${top} steps io`);
    must(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(trace.trace_id), "trace_id");
    must(idTime(trace.trace_id) === trace.started_at, "started_at is not the id's time");
    must(trace.pipeline.length > 0, "pipeline");
    must(["ok", "error", "running"].includes(trace.status), "status");
    must(trace.status === "running" ? trace.duration_ms === undefined : whole(trace.duration_ms), "duration_ms");
    must((trace.error?.length ?? 0) <= MAX_ERROR, "error");
    trace.steps.forEach((step, index) => {
      const amounts = ["input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_microusd"] as const;
      known(step, `name parent status offset_ms duration_ms error model first_token_ms ${amounts.join(" ")}`);
      must(step.name.length > 0 && [...step.name].length <= MAX_STEP_NAME, "step name");
      must(step.parent === undefined || (step.parent >= 1 && step.parent <= index), "parent");
      must(step.status === undefined || /^(error|detached)$/.test(step.status), "step status: ok is left out");
      must(whole(step.offset_ms) && whole(step.duration_ms), "step times");
      const first = step.first_token_ms ?? 0;
      must(whole(first) && first <= step.duration_ms, "first_token_ms");
      must(step.offset_ms + step.duration_ms <= (trace.duration_ms ?? Infinity), "a step sticks out of its trace");
      for (const field of amounts) {
        must(step[field] === undefined || whole(step[field]), field);
      }
    });
    for (const io of trace.io ?? []) {
      known(io, "step request response request_chars response_chars");
      const steps = stored.get(trace.trace_id)?.steps ?? trace.steps;
      must(io.step >= 1 && io.step <= Math.max(steps.length, trace.steps.length), "io step");
    }
  }
}

export const idTime = (traceId: string): number => parseInt(traceId.replace("-", "").slice(0, 12), 16);

function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}
