/** LangSmith's `traceable`, batched; its requests are answered at once. */
import { Client } from "langsmith";
import { traceable } from "langsmith/traceable";
import { measure, type Work } from "../tracer/worker.ts";
import { BATCH } from "./sink.ts";

const client = new Client({
  apiKey: "lsv2_bench",
  apiUrl: "https://langsmith.invalid",
  autoBatchTracing: true,
  batchSizeLimit: BATCH.spans,
  fetchImplementation: () => Promise.resolve(Response.json({})),
});

const traced = (name: string, work: Work): Work => traceable(work, { name, client, tracingEnabled: true });

measure({
  step: traced,
  trace: traced,
  settle: () => client.awaitPendingTraceBatches(),
  taken: () => undefined,
});
