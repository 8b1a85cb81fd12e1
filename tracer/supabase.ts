/**
 * A `fetch` for supabase-js: what it asks the database, auth, storage and functions are steps.
 *
 * @module
 */
import { fetchInSteps, statusText, type TracedFetchOptions } from "./fetch.ts";
import { background } from "./timers.ts";
import type { Tracer } from "./tracer.ts";

/**
 * `createClient(url, key, { global: { fetch: supabaseFetch(tracer) } })`. As `tracedFetch`, with these names: `db.<table>`,
 * `db.<function>` (of `rpc`), `storage.<bucket>`, `fn.<edge function>` and `auth`. A query that fails says why, such as
 * `42P01 relation "orders" does not exist`, which is in the body that PostgREST answers with; rows are never read.
 *
 * @param options.fetch What makes the calls. @default the global `fetch`
 */
export function supabaseFetch(
  tracer: Tracer,
  { fetch }: Pick<TracedFetchOptions, "fetch"> = {},
): typeof globalThis.fetch {
  return fetchInSteps(tracer, { fetch, name: stepOf }, problemOf);
}

const API = /\/(rest|auth|storage|functions)\/v1(?:\/(.*))?$/;
const RPC = /^rpc\//;
/** `bucket` or `object`, what is done, and then the bucket; moves and copies name it in the body. */
const BUCKET =
  /^(?:object|bucket|render\/image)\/(?:(?:public|authenticated|sign|upload\/sign|info|list|list-v2)\/)?(?!(?:move|copy)$)([^/]+)/;

function stepOf({ pathname }: URL): string | undefined {
  const [, api, path = ""] = API.exec(pathname) ?? [];
  if (api === "rest") return named("db", path.replace(RPC, ""));
  if (api === "storage") return named("storage", BUCKET.exec(path)?.[1] ?? "");
  if (api === "functions") return named("fn", path);
  return api;
}

function named(kind: string, path: string): string {
  const name = decodeURIComponent(path.split("/")[0]!);
  return name === "" ? kind : `${kind}.${name}`;
}

const MAX_BODY = 8192;
const MAX_WAIT_MS = 100;

/** What PostgREST says of an error. The caller's body stays whole: a copy is read, 8 kB of it at most, for a tenth of a second at most. */
async function problemOf(response: Response, { pathname }: URL): Promise<string> {
  const status = statusText(response);
  if (!pathname.includes("/rest/v1/") || response.body === null) return status;
  const waited = new Promise<string>((resolve) => background(() => resolve(status), MAX_WAIT_MS));
  return await Promise.race([errorIn(response).catch(() => status), waited]);
}

/** @throws if it is none of PostgREST's, or has been read already. */
async function errorIn(response: Response): Promise<string> {
  const { code, message } = JSON.parse(await startOf(response.clone())) as { code?: unknown; message?: unknown };
  if (typeof code !== "string" || typeof message !== "string") throw new TypeError("not PostgREST's");
  return `${code} ${message}`;
}

async function startOf({ body }: Response): Promise<string> {
  const reader = body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text += decoder.decode(value, { stream: !done });
    if (done || text.length > MAX_BODY) break;
  }
  // It would settle when the caller's half is cancelled too.
  reader.cancel().catch(() => {});
  return text;
}
