/** A trace goes in through the edge function, with a key, and is read back. */
import { uuidv7 } from "../../tracer/uuid.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { Failure } from "../stack/failure.ts";
import { saidBy } from "./http.ts";
import { DatabaseRefusal, eventually } from "./project.ts";
import type { SelfTest } from "./self_test.ts";

/** Of the test alone. A name is never free again, so it is one, whose key is replaced each time. */
const KEY_NAME = "deploy self-test";
/** So long after Ctrl-C the key may still take to be ended. */
const END_MS = 5000;

export async function testIngest(test: SelfTest): Promise<{ detail: string }> {
  const { project, redactor, signal } = test;
  const { name, key } = await makeKey(test);
  try {
    const trace = makeTrace();
    const ms = await send(test, redactor.add("ingest key", key), trace);
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
    // By a key that nobody hears of.
    await project.rpc("rotate_ingest_key", { p_name: name, p_grace: "0" }, AbortSignal.timeout(END_MS));
  }
}

async function makeKey({ project }: SelfTest): Promise<{ name: string; key: string }> {
  const call = async (fn: string, args: { p_name: string; p_grace?: string }) => {
    const made = await project.rpc(fn, args);
    if (!made) throw missing(fn);
    return { name: args.p_name, key: String(made.result) };
  };
  const unless = (code: string, otherwise: () => ReturnType<typeof call>) => (error: unknown) => {
    if (error instanceof DatabaseRefusal && error.code === code) return otherwise();
    throw error;
  };
  return await call("rotate_ingest_key", { p_name: KEY_NAME, p_grace: "0" })
    .catch(unless("TG030", () => call("create_ingest_key", { p_name: KEY_NAME })))
    // Somebody has revoked it.
    .catch(unless("23505", () => call("create_ingest_key", { p_name: `${KEY_NAME} ${new Date().toISOString()}` })));
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
