/**
 * The two ways to the server: the ingest function, or PostgREST directly.
 *
 * @module
 */
import type { IngestResult, WireReport } from "./wire.ts";

/** What became of a batch. */
export type Outcome =
  /** The server has taken it; `rejected` are the traces among them that it will never take. */
  | { kind: "accepted"; rejected: { trace_id: string | null; code: string; message: string }[] }
  /** Try again, not before `afterMs`. `suspect`: the batch itself may be what the server fails at. */
  | { kind: "retry"; code: string; message: string; afterMs?: number; suspect?: boolean }
  /** The server takes nothing of us as things are: the key is wrong, the function is not deployed. Traces wait. */
  | { kind: "denied"; code: string; message: string }
  /** The batch has to be smaller. A trace that is too large alone is dropped. */
  | { kind: "too_large" }
  /** The server will never take the batch. It is halved until what is wrong with it is alone, and dropped. */
  | { kind: "refused"; code: string; message: string };

export interface Transport {
  /**
   * Sends traces, each a `WireTrace` as JSON, and settles soon after `signal` aborts. A rejection counts as `retry`.
   *
   * @param report What was dropped on this side since the server last heard of it, if anything. See {@link batchJson}.
   */
  send(traces: readonly string[], signal: AbortSignal, report?: Omit<WireReport, "traces">): Promise<Outcome>;
}

/** A `WireBatch` as JSON: the body that the server wants. */
export function batchJson(traces: readonly string[], report?: Omit<WireReport, "traces">): string {
  const list = `[${traces.join(",")}]`;
  return report === undefined ? list : `${JSON.stringify(report).slice(0, -1)},"traces":${list}}`;
}

/** @throws {Error} When a transport of the author's own did not settle to an outcome. */
export function checked(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "accepted":
      return { kind: outcome.kind, rejected: outcome.rejected.map(told) };
    case "retry":
      return { ...told(outcome), ...(outcome.afterMs !== undefined && { afterMs: +outcome.afterMs || 0 }) };
    case "denied":
    case "refused":
      return told(outcome);
    case "too_large":
      return outcome;
  }
  throw new Error("The transport's answer is no outcome.");
}

/** With texts that can be printed. */
const told = <T extends { code: string; message: string }>(said: T): T => ({
  ...said,
  code: String(said.code),
  message: String(said.message),
});

/** Bodies below this size, in UTF-16 units, are not worth compressing. */
const GZIP_FROM = 1024;

/** Sends to the ingest function. @param url Its full address. @param key An ingest key. */
export function httpTransport(url: string, key: string): Transport {
  return {
    async send(traces, signal, report) {
      const body = batchJson(traces, report);
      const headers: Record<string, string> = { authorization: `Bearer ${key}`, "content-type": "application/json" };
      if (body.length < GZIP_FROM) return await post(url, headers, body, signal);
      return await post(url, { ...headers, "content-encoding": "gzip" }, await gzip(body), signal);
    },
  };
}

/**
 * Calls `ingest_traces` through PostgREST, for a project without the ingest function.
 *
 * @param url The Supabase project's address.
 * @param anonKey Its public API key.
 * @param key An ingest key.
 */
export function rpcTransport(url: string, anonKey: string, key: string): Transport {
  const headers = { apikey: anonKey, authorization: `Bearer ${anonKey}`, "content-type": "application/json" };
  return {
    send: (traces, signal, report) =>
      post(
        `${url}/rest/v1/rpc/ingest_traces`,
        headers,
        `{"p_key":${JSON.stringify(key)},"p_batch":${batchJson(traces, report)}}`,
        signal,
      ),
  };
}

async function gzip(text: string): Promise<ArrayBuffer> {
  return await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: string | ArrayBuffer,
  signal: AbortSignal,
): Promise<Outcome> {
  const response = await fetch(url, { method: "POST", headers, body, signal });
  const answer = parse(await response.text());
  if (response.ok) return accepted(answer);

  const known = typeof answer?.code === "string" && answer.code !== "";
  const code = known ? answer.code as string : `http_${response.status}`;
  const message = typeof answer?.message === "string" ? answer.message : `The server answered ${response.status}.`;
  // PostgREST turns our SQLSTATEs into 400: the code decides before the status does.
  if (code === "TG003" || response.status === 413) return { kind: "too_large" };
  if (code === "TG004" || [408, 425, 429].includes(response.status) || response.status >= 500) {
    const afterMs = retryAfterMs(response.headers.get("retry-after"));
    return {
      kind: "retry",
      code,
      message,
      ...(afterMs !== undefined && { afterMs }),
      ...(response.status === 500 && { suspect: true }),
    };
  }
  const hint = typeof answer?.hint === "string" ? ` ${answer.hint}` : "";
  // Without a code of its own, a 400 comes from something on the way, and not from what the batch holds.
  const refused = [400, 422].includes(response.status) && known && code !== "TG001";
  return { kind: refused ? "refused" : "denied", code, message: message + hint };
}

function accepted(answer: Record<string, unknown> | undefined): Outcome {
  const { items } = (answer ?? {}) as Partial<IngestResult>;
  if (!Array.isArray(items)) return { kind: "retry", code: "no_result", message: "The answer is no ingest result." };
  return { kind: "accepted", rejected: items.filter((item) => item?.result === "rejected") };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}

/** `Retry-After` is a number of seconds or a date. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
