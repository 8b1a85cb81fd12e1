/**
 * The entry `tracegram/rpc`: the direct way to the database, and what a transport of the author's own needs.
 *
 * @module
 */
import { batchJson, post, type Transport } from "./transport.ts";

export { batchJson };

/**
 * Calls `ingest_traces` through PostgREST, for a project without the ingest function.
 *
 * @param url The Supabase project's address.
 * @param anonKey Its public API key.
 * @param key An ingest key.
 */
export function rpcTransport(url: string, anonKey: string, key: string): Transport {
  return {
    send: (traces, signal, report) =>
      post(
        `${url}/rest/v1/rpc/ingest_traces`,
        anonKey,
        { apikey: anonKey },
        `{"p_key":${JSON.stringify(key)},"p_batch":${batchJson(traces, report)}}`,
        signal,
        traces.length,
      ),
  };
}
