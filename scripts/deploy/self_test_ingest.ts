/** A trace goes in through the edge function, with a key, and is read back. */
import { uuidv7 } from "../../tracer/uuid.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { Failure } from "../stack/failure.ts";
import { saidBy } from "./http.ts";
import { eventually } from "./project.ts";
import type { SelfTest } from "./self_test.ts";

/** So long after Ctrl-C the key may still take to be revoked. */
const REVOKE_MS = 5000;

export async function testIngest(test: SelfTest): Promise<{ detail: string }> {
  const { project, redactor, signal } = test;
  // Names are used once, be the key revoked.
  const name = `deploy self-test ${new Date().toISOString()}`;
  const made = await project.rpc("create_ingest_key", { p_name: name });
  if (!made) throw missing("create_ingest_key");
  try {
    const key = redactor.add("ingest key", String(made.result));
    const trace = makeTrace();
    const ms = await send(test, key, trace);
    const read = await project.rpc("get_trace", { p_trace_id: trace.trace_id });
    if ((read?.result as { pipeline?: string } | null)?.pipeline !== trace.pipeline) {
      throw new Failure(
        `The ingest function took the trace ${trace.trace_id}, and the database does not have it.`,
        "Look whether SUPABASE_PROJECT_URL is the project of SUPABASE_PROJECT_REF, then run npm run deploy again.",
      );
    }
    signal.throwIfAborted();
    return { detail: `a trace was stored and read back (${ms} ms)` };
  } finally {
    await project.rpc("revoke_ingest_key", { p_name: name }, AbortSignal.timeout(REVOKE_MS));
  }
}

/** Resolves to the milliseconds of the request that was answered. */
async function send({ project, waitMs, signal }: SelfTest, key: string, trace: WireTrace): Promise<number> {
  let last = "nothing";
  const ms = await eventually(async () => {
    const began = performance.now();
    const answer = await project.post("ingest", [trace], { authorization: `Bearer ${key}` }).catch((error: Error) => {
      signal.throwIfAborted();
      return { status: 0, body: error.message };
    });
    last = saidBy(answer);
    const { stored, duplicate } = answer.body ?? {};
    return answer.status === 200 && stored + duplicate === 1 ? Math.round(performance.now() - began) : undefined;
  }, { waitMs, signal });
  if (ms !== undefined) return ms;
  throw new Failure(
    `The ingest function does not take a trace: ${last}`,
    "Its log says why: dashboard, Edge Functions, ingest, Logs. Then run npm run deploy again.",
  );
}

function makeTrace(): WireTrace {
  const now = Date.now();
  return {
    trace_id: uuidv7(now),
    started_at: now,
    pipeline: "tracegram.self_test",
    status: "ok",
    duration_ms: 1,
    steps: [{ name: "deploy", offset_ms: 0, duration_ms: 1 }],
  };
}

const missing = (fn: string) =>
  new Failure(
    `The database has no function ${fn}.`,
    "Look whether SUPABASE_DB_URL or the password is of the project SUPABASE_PROJECT_REF.",
  );

