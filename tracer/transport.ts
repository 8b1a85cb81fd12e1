/**
 * The two ways to the server: the ingest function, or PostgREST directly.
 *
 * @module
 */
import type { IngestResult } from "./wire.ts";

/** What became of a batch. */
export type Outcome =
  /** The server has taken it; `rejected` are the traces among them that it will never take. */
  | { kind: "accepted"; rejected: { code: string; message: string }[] }
  /** Try again, not before `afterMs`. `suspect`: the batch itself may be what the server fails at. */
  | { kind: "retry"; code: string; message: string; afterMs?: number; suspect?: boolean }
  | { kind: "too_large" }
  /** The server will not take any such batch. */
  | { kind: "refused"; code: string; message: string };

export interface Transport {
  /**
   * Sends traces, each a `WireTrace` as JSON, and settles soon after `signal` aborts. A rejection counts as `retry`.
   */
  send(traces: readonly string[], signal: AbortSignal): Promise<Outcome>;
}

/** Bodies below this size, in UTF-16 units, are not worth compressing. */
const GZIP_FROM = 1024;

/** Sends to the ingest function. @param url Its full address. @param key An ingest key. */
export function httpTransport(url: string, key: string): Transport {
  return {
    async send(traces, signal) {
      const body = `[${traces.join(",")}]`;
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
    send: (traces, signal) =>
      post(
        `${url}/rest/v1/rpc/ingest_traces`,
        headers,
        `{"p_key":${JSON.stringify(key)},"p_batch":[${traces.join(",")}]}`,
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

  const code = typeof answer?.code === "string" ? answer.code : `http_${response.status}`;
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
  return { kind: "refused", code, message: message + hint };
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
