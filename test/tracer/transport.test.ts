import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { httpTransport } from "../../tracer/index.ts";
import { rpcTransport } from "../../tracer/rpc.ts";
import { errorText } from "../../tracer/text.ts";
import { uuidv7 } from "../../tracer/uuid.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { type IngestServer, KEY, startIngest } from "./_support/ingest.ts";

const signal = AbortSignal.timeout(10_000);

const trace = (pipeline = "p"): WireTrace => {
  const started_at = Date.now();
  return { trace_id: uuidv7(started_at), started_at, pipeline, status: "ok", duration_ms: 1, steps: [] };
};
const json = (...traces: WireTrace[]) => traces.map((item) => JSON.stringify(item));

const transports = {
  http: (ingest: IngestServer, key = KEY) => httpTransport(`${ingest.url}/functions/v1/ingest`, key),
  rpc: (ingest: IngestServer, key = KEY) => rpcTransport(ingest.url, "anon-key", key),
};

describe.each(["http", "rpc"] as const)("%s", (kind) => {
  const setup = async (key?: string) => {
    const ingest = await startIngest();
    return { ingest, transport: transports[kind](ingest, key) };
  };

  test("delivers, and tells which traces the server rejected", async () => {
    const { ingest, transport } = await setup();
    ingest.rejects.add("bad");
    const [good, bad] = [trace("语言 🦊"), trace("bad")];
    const outcome = await transport.send(json(good, bad), signal);
    expect(outcome).toEqual({
      kind: "accepted",
      rejected: [{ trace_id: bad.trace_id, result: "rejected", code: "TG012", message: "no" }],
    });
    expect([...ingest.stored.values()]).toEqual([good]);
  });

  test("an unknown key is denied", async () => {
    const { transport } = await setup("wrong");
    expect(await transport.send(json(trace()), signal)).toEqual({
      kind: "denied",
      code: "TG001",
      message: "unknown ingest key",
    });
  });

  test.each([
    [{ status: 400, code: "TG002" }, { kind: "refused", code: "TG002" }],
    [{ status: 400, code: "TG001" }, { kind: "denied", code: "TG001" }],
    [{ status: 400, code: "" }, { kind: "denied", code: "http_400" }],
    [{ status: 401 }, { kind: "denied" }],
    [{ status: 403 }, { kind: "denied" }],
    [{ status: 404, code: "PGRST202" }, { kind: "denied", code: "PGRST202" }],
    [{ status: 405 }, { kind: "denied" }],
    [{ status: 415 }, { kind: "denied" }],
    [{ status: 400, code: "TG003" }, { kind: "too_large" }],
    [{ status: 413 }, { kind: "too_large" }],
    [{ status: 400, code: "TG004" }, { kind: "retry", code: "TG004" }],
    [{ status: 429, headers: { "retry-after": "7" } }, { kind: "retry", afterMs: 7000 }],
    [{ status: 500, code: "XX000" }, { kind: "retry", suspect: true }],
    [{ status: 503, headers: { "retry-after": "soon" } }, { kind: "retry", code: "http_503" }],
    [{ status: 200 }, { kind: "retry", code: "no_result" }],
  ])("%j becomes %j", async (failure, outcome) => {
    const { ingest, transport } = await setup();
    ingest.failures = [failure];
    expect(await transport.send(json(trace()), signal)).toMatchObject(outcome);
  });

  const answering = async (answer: (response: ServerResponse) => void) => {
    const server = createServer((request, response) => {
      request.resume();
      answer(response.writeHead(200));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    return transports[kind]({ url: `http://127.0.0.1:${port}` } as IngestServer);
  };

  test("an answer with fewer items than traces were sent delivers none", async () => {
    const transport = await answering((response) => response.end('{"items":[{"result":"stored"}]}'));
    const outcome = await transport.send(json(trace(), trace()), signal);
    expect(outcome).toMatchObject({ kind: "retry", code: "no_result" });
  });

  test("an answer without end is not read to its end", async () => {
    let written = 0;
    const transport = await answering((response) => {
      response.on("error", () => {});
      const write = () => {
        while (!response.destroyed && (written += 65_536) < 50_000_000 && response.write(" ".repeat(65_536)));
        if (written >= 50_000_000) response.end("{}");
      };
      response.on("drain", write);
      write();
    });
    expect(await transport.send(json(trace()), signal)).toMatchObject({ kind: "retry", code: "no_result" });
    expect(written).toBeLessThan(20_000_000);
  });

  test("Retry-After may be a date", async () => {
    const { ingest, transport } = await setup();
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    ingest.failures = [{ status: 503, headers: { "retry-after": inAMinute } }];
    const outcome = await transport.send(json(trace()), signal);
    // The date has whole seconds.
    expect((outcome as { afterMs: number }).afterMs).toBeGreaterThan(50_000);
    expect((outcome as { afterMs: number }).afterMs).toBeLessThanOrEqual(60_000);
  });

  test("a report of drops goes around the traces", async () => {
    const { ingest, transport } = await setup();
    const report = { sender: crypto.randomUUID(), dropped: { queue_full: 3 } };
    expect(await transport.send(json(trace(), trace()), signal, report)).toEqual({ kind: "accepted", rejected: [] });
    expect([...ingest.dropped]).toEqual([[report.sender, report.dropped]]);
    expect(ingest.stored.size).toBe(2);
  });

  test("an abort ends a request that hangs", async () => {
    const { ingest, transport } = await setup();
    ingest.failures = ["hang"];
    const abort = new AbortController();
    const sent = transport.send(json(trace()), abort.signal);
    await ingest.until(() => ingest.requests.length === 1);
    abort.abort();
    await expect(sent).rejects.toThrow();
  });
});

test.each([
  ["http://127.0.0.1:9", "tg_secret\nline"],
  ["http://127.0.0.1:9", "tg_secret语"],
  ["http://user:tg_secret@127.0.0.1:9", KEY],
  ["//user:tg_secret@127.0.0.1", KEY],
])("what cannot be sent with is not quoted: %j, %j", async (url, key) => {
  for (const transport of [httpTransport(url, key), rpcTransport(url, key, key)]) {
    const told = await transport.send(json(trace()), signal).catch((error) => ({ message: errorText(error) }));
    expect(JSON.stringify(told)).not.toContain("secret");
    expect(told).toMatchObject({ kind: "denied", code: "not_configured" });
  }
});

test("http: the key is a bearer token, and a body from 16 kB on is gzipped", async () => {
  const ingest = await startIngest();
  const transport = transports.http(ingest);
  const batch = (chars: number) => [json(trace("x".repeat(chars - json(trace(""))[0]!.length - 2)))[0]!];
  await transport.send(batch(16_383), signal);
  await transport.send(batch(16_384), signal);
  const [small, large] = ingest.requests.map((request) => request.headers);
  expect(small).toMatchObject({ authorization: `Bearer ${KEY}`, "content-type": "application/json" });
  expect(small).not.toHaveProperty("content-encoding");
  expect(large).toMatchObject({ authorization: `Bearer ${KEY}`, "content-encoding": "gzip" });
  expect(ingest.stored.size).toBe(2);
});

test("rpc: PostgREST gets its own key in the headers, and no gzip", async () => {
  const ingest = await startIngest();
  await transports.rpc(ingest).send(json(...Array.from({ length: 20 }, () => trace())), signal);
  const { headers } = ingest.requests[0]!;
  expect(headers).toMatchObject({ apikey: "anon-key", authorization: "Bearer anon-key" });
  expect(headers).not.toHaveProperty("content-encoding");
  expect(ingest.stored.size).toBe(20);
});
