/**
 * The way to the server: the ingest function. For PostgREST there is `rpc.ts`, and an author may have a way of their own.
 *
 * @module
 */
import type { WireReport } from "./wire.ts";

/** A trace that the server will never take. */
export interface Rejected {
  trace_id: string | null;
  /** Such as `TG012`. */
  code: string;
  /** Why. */
  message: string;
}

/** What became of a batch. */
export type Outcome =
  /** The server has taken it; `rejected` are the traces among them that it will never take. */
  | { kind: "accepted"; rejected: Rejected[] }
  /** Try again, not before `afterMs`. `suspect`: the batch itself may be what the server fails at. */
  | { kind: "retry"; code: string; message: string; afterMs?: number; suspect?: boolean }
  /** The server takes nothing of us as things are: the key is wrong, the function is not deployed. Traces wait. */
  | { kind: "denied"; code: string; message: string }
  /** The batch has to be smaller. A trace that is too large alone is dropped. */
  | { kind: "too_large" }
  /** The server will never take the batch. It is halved until what is wrong with it is alone, and dropped. */
  | { kind: "refused"; code: string; message: string };

/** A way to the server: `httpTransport`, `rpcTransport`, or one of the author's own. */
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

const KINDS = ["accepted", "retry", "denied", "too_large", "refused"];

/** @throws {Error} When a transport of the author's own did not settle to an outcome. */
export function checked(outcome: Outcome): Outcome {
  if (!KINDS.includes(outcome.kind)) throw new Error("no outcome");
  const said = outcome as Told & { afterMs?: unknown };
  return {
    ...told(said),
    afterMs: Number(said.afterMs) || 0,
    ...(outcome.kind === "accepted" && { rejected: outcome.rejected.map(told) }),
  } as Outcome;
}

interface Told {
  code: string;
  message: string;
}

/** With texts that can be printed. */
const told = <T extends Told>(said: T): T => ({ ...said, code: String(said.code), message: String(said.message) });

/**
 * Bodies below this size, in UTF-16 units, go out as they are: they fit into what a connection sends before it first waits, and
 * compressing costs the bot's process more than the whole request does.
 */
const GZIP_FROM = 16_384;

/** Sends to the ingest function. @param url Its full address. @param key An ingest key. */
export function httpTransport(url: string, key: string): Transport {
  return {
    async send(traces, signal, report) {
      const json = batchJson(traces, report);
      if (json.length < GZIP_FROM) return await post(url, key, {}, json, signal, traces.length);
      const zipped = new Response(json).body!.pipeThrough(new CompressionStream("gzip"));
      const body = await new Response(zipped).arrayBuffer();
      return await post(url, key, { "content-encoding": "gzip" }, body, signal, traces.length);
    },
  };
}

/** Most of an answer that is read, in UTF-16 units: what is larger is none of ours. */
const MAX_ANSWER = 1024 * 1024;

/** @throws When it is too large, or no JSON. */
async function answerOf({ body }: Response): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  // An error in the loop also ends the download.
  for await (const chunk of (body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER) throw 0;
  }
  return JSON.parse(text);
}

/** @param count Of the traces in the body. */
export async function post(
  url: string,
  bearer: string,
  headers: Record<string, string>,
  body: string | ArrayBuffer,
  signal: AbortSignal,
  count: number,
): Promise<Outcome> {
  let checked: Headers;
  try {
    // Deno takes a user and password in an address, and quotes them when the server cannot be reached.
    const { username, password } = new URL(url);
    if (username || password) throw 0;
    checked = new Headers({ authorization: `Bearer ${bearer}`, "content-type": "application/json", ...headers });
  } catch {
    // The error would quote what it does not like: the key, or a password.
    return { kind: "denied", code: "not_configured", message: "no valid url and key" };
  }
  const response = await fetch(url, { method: "POST", headers: checked, body, signal });
  const { ok, status } = response;
  const { items, code: ownCode, message = `the server answered ${status}`, hint } = Object(
    await answerOf(response).catch(() => {}),
  );
  if (ok) {
    // What has no item may not have been taken.
    if (Array.isArray(items) && items.length >= count) {
      return {
        kind: "accepted",
        rejected: items.filter((item) => item?.result === "rejected"),
      };
    }
    return { kind: "retry", code: "no_result", message: "no ingest result" };
  }
  const known = typeof ownCode === "string" && ownCode !== "";
  const code = known ? ownCode : `http_${status}`;
  // PostgREST turns our SQLSTATEs into 400: the code decides before the status does.
  if (code === "TG003" || status === 413) return { kind: "too_large" };
  if (code === "TG004" || [408, 425, 429].includes(status) || status >= 500) {
    const afterMs = retryAfterMs(response.headers.get("retry-after"));
    return { kind: "retry", code, message, afterMs, suspect: status === 500 };
  }
  // Without a code of its own, a 400 comes from something on the way, and not from what the batch holds.
  const refused = [400, 422].includes(status) && known && code !== "TG001";
  return { kind: refused ? "refused" : "denied", code, message: hint ? `${message} ${hint}` : message };
}

/** `Retry-After` is a number of seconds or a date; 0 when it is neither. */
const retryAfterMs = (header: string | null): number =>
  Math.max(0, Number(header) * 1000 || Date.parse(header ?? "") - Date.now()) || 0;
