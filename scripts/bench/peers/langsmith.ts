/** LangSmith's `traceable`, batched; its requests are answered at once. */
import { Client } from "langsmith";
import { traceable } from "langsmith/traceable";
import { measure, type Work } from "../tracer/worker.ts";
import { BATCH } from "./sink.ts";

/** What LangSmith's own server answers to `/info`: by it the client chooses how to send, and how much at once. */
const INFO = {
  batch_ingest_config: {
    use_multipart_endpoint: true,
    size_limit: 100,
    size_limit_bytes: 20_971_520,
    scale_up_qsize_trigger: 1000,
    scale_up_nthreads_limit: 16,
    scale_down_nempty_trigger: 4,
  },
};

const client = new Client({
  apiKey: "lsv2_bench",
  apiUrl: "https://langsmith.invalid",
  autoBatchTracing: true,
  batchSizeLimit: BATCH.spans,
  fetchImplementation: (input: string | URL | Request) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    return Promise.resolve(Response.json(pathname.endsWith("/info") ? INFO : {}));
  },
});

const traced = (name: string, work: Work): Work => traceable(work, { name, client, tracingEnabled: true });

measure({
  step: traced,
  trace: traced,
  settle: () => client.awaitPendingTraceBatches(),
  taken: () => undefined,
});
