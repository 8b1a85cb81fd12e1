/** The RPC functions, called in SQL as the role that PostgREST would use. */
import type pg from "pg";
import type { TraceDetail, TraceIo, TracePage } from "../../functions/_shared/db.ts";
import type { IngestResult } from "../../tracer/wire.ts";
import { as, type Role } from "./db.ts";

export async function givenKey(db: pg.Client, name = "test bot"): Promise<string> {
  return (await db.query("select public.create_ingest_key($1) as key", [name])).rows[0].key;
}

/** `batch` goes in as JSON text when it is a string already. */
export function ingest(db: pg.Client, key: string, batch: unknown): Promise<IngestResult> {
  const json = typeof batch === "string" ? batch : JSON.stringify(batch);
  return as(db, "anon", async () => {
    return (await db.query("select public.ingest_traces($1, $2) as answer", [key, json])).rows[0].answer;
  });
}

/** Calls a function of `public` with named arguments, as PostgREST does. */
export function call<T>(db: pg.Client, role: Role, name: string, args: Record<string, unknown> = {}): Promise<T> {
  return as(db, role, async () => {
    const named = Object.keys(args).map((arg, i) => `${arg} => $${i + 1}`);
    return (await db.query(`select public.${name}(${named}) as answer`, Object.values(args))).rows[0].answer;
  });
}

interface ListArgs {
  cursor?: string;
  direction?: string;
  limit?: number;
  from?: string;
  to?: string;
  order?: string;
  status?: string;
  pipeline?: string;
  user_id?: number;
  chat_id?: number;
  min_duration_ms?: number;
  release?: string;
  error?: string;
}

export function list(db: pg.Client, args: ListArgs = {}): Promise<TracePage> {
  const named = Object.fromEntries(Object.entries(args).map(([name, value]) => [`p_${name}`, value]));
  return call(db, "service_role", "list_traces", named);
}

export function getTrace(db: pg.Client, id: string): Promise<TraceDetail | null> {
  return as(db, "service_role", async () => {
    return (await db.query("select public.get_trace($1) as trace", [id])).rows[0].trace;
  });
}

export function getTraceIo(db: pg.Client, id: string, step?: number): Promise<TraceIo[]> {
  return as(db, "service_role", async () => {
    return (await db.query("select public.get_trace_io($1, $2) as io", [id, step])).rows[0].io;
  });
}
