/** A proxy between a sender and a stack: sees what travels, and fails on the way there or on the way back. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import type { IngestResult, WireReport, WireTrace } from "../../tracer/wire.ts";

/** `away`: 503, and the stack hears nothing. `lost`: the stack has answered, and the sender is told 502. */
export type Passage = "open" | "away" | "lost";

export interface Passed {
  traces: WireTrace[];
  report?: WireReport;
  /** What the stack has answered; undefined when it heard nothing. */
  status?: number;
  result?: IngestResult;
  /** Sends the same bytes once more, and gives the answer. */
  again(): Promise<IngestResult>;
}

export interface Gate {
  url: string;
  /** Of the requests that the sender made, in order. */
  passed: Passed[];
  /** What becomes of the next request; `before` counts from 0 since it was set. */
  passage: (before: number) => Passage;
  /** Traces that the stack took, with what it said of each. */
  results(result: string): string[];
  close(): void;
}

export async function startGate(stackUrl: string): Promise<Gate> {
  let before = 0;
  let passage: Gate["passage"] = () => "open";
  const server = createServer((incoming, outgoing) => {
    void buffer(incoming).then(async (body) => {
      const way = passage(before++);
      const send = () =>
        fetch(stackUrl + incoming.url, { method: incoming.method!, headers: plain(incoming.headers), body });
      const entry: Passed = {
        ...tracesIn(incoming.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body),
        again: async () => await (await send()).json() as IngestResult,
      };
      gate.passed.push(entry);
      if (way === "away") return void outgoing.writeHead(503).end();
      const answer = await send();
      const text = await answer.text();
      entry.status = answer.status;
      if (answer.ok) entry.result = JSON.parse(text);
      if (way === "lost") return void outgoing.writeHead(502).end("<html>Bad gateway</html>");
      const retryAfter = answer.headers.get("retry-after");
      outgoing.writeHead(answer.status, {
        "content-type": "application/json",
        ...(retryAfter !== null && { "retry-after": retryAfter }),
      }).end(text);
    }).catch((error) => outgoing.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const gate: Gate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed: [],
    get passage() {
      return passage;
    },
    set passage(next) {
      before = 0;
      passage = next;
    },
    results: (wanted) =>
      gate.passed.flatMap(({ result }) => result?.items ?? [])
        .filter(({ result }) => result === wanted).map(({ trace_id }) => trace_id!),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return gate;
}

/** Both transports: PostgREST's body names the arguments of the function. */
function tracesIn(body: Buffer): Pick<Passed, "traces" | "report"> {
  const parsed = JSON.parse(body.toString());
  const batch: WireTrace[] | WireReport = parsed.p_batch ?? parsed;
  return Array.isArray(batch) ? { traces: batch } : { traces: batch.traces, report: batch };
}

function plain({ host: _, connection: __, "content-length": ___, ...headers }: IncomingHttpHeaders) {
  return headers as Record<string, string>;
}
