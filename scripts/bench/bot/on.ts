/** The example bot as it comes. */
import process from "node:process";
import { createTracer } from "../../../tracer/index.ts";
import { STEPS } from "../../../examples/support-bot/bot.ts";
import { serveBot } from "./worker.ts";

const { INGEST_URL, INGEST_KEY, INGEST_STALLS } = process.env;
const tracer = createTracer({ url: INGEST_URL, key: INGEST_KEY, steps: STEPS, flushOnExit: false, onError: () => {} });
// On a machine that has no time for the ingest, a round does not wait for it.
serveBot(tracer, () => INGEST_STALLS ? Promise.resolve() : tracer.flush({ timeoutMs: 2_000 }));
