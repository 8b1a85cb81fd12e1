import { connect } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { serve, type Served } from "../../../scripts/stack/serve.ts";

/** `Promise.withResolvers`, which Node 20 lacks. */
function signalled() {
  let resolve!: () => void;
  const promise = new Promise<void>((yes) => resolve = yes);
  return { promise, resolve };
}

const open: Served[] = [];
async function start(handler: (request: Request) => Response | Promise<Response>, port = 0) {
  const server = await serve(async (request) => await handler(request), { port });
  open.push(server);
  return server;
}
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

test("request and response arrive whole", async () => {
  const { url, port } = await start(async (request) => {
    const headers = new Headers({ "x-method": request.method, "x-url": request.url });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    return new Response(await request.text(), { status: 418, headers });
  });
  const response = await fetch(`${url}/a?b=c`, { method: "POST", body: "hé" });
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect([response.status, await response.text()]).toEqual([418, "hé"]);
  expect(response.headers.get("x-method")).toBe("POST");
  expect(response.headers.get("x-url")).toBe(`${url}/a?b=c`);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

test.each([["GET", 204], ["HEAD", 200]])("%s without a body", async (method, status) => {
  const { url } = await start((request) => new Response(null, { status: request.body ? 500 : status }));
  expect((await fetch(url, { method })).status).toBe(status);
});

test("bodies stream both ways: each piece is echoed before the next is sent", async () => {
  const { url } = await start((request) => new Response(request.body));
  let send!: (piece: string) => void;
  let end!: () => void;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      send = (piece) => controller.enqueue(new TextEncoder().encode(piece));
      end = () => controller.close();
    },
  });
  send("one");
  const response = await fetch(url, { method: "POST", body, duplex: "half" } as RequestInit);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe("one");
  send("two");
  expect((await reader.read()).value).toBe("two");
  end();
  expect((await reader.read()).done).toBe(true);
});

test("a client that goes away aborts the request's signal", async () => {
  const gone = signalled();
  const client = new AbortController();
  const { url } = await start((request) => {
    request.signal.addEventListener("abort", () => gone.resolve());
    client.abort();
    return new Promise<Response>(() => {});
  });
  await expect(fetch(url, { signal: client.signal })).rejects.toThrow();
  await gone.promise;
});

test("a client that goes away cancels the body it was reading", async () => {
  const cancelled = signalled();
  const { url } = await start(() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(1)),
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  const client = new AbortController();
  const reader = (await fetch(url, { signal: client.signal })).body!.getReader();
  await reader.read();
  client.abort();
  await cancelled.promise;
});

test.each<[string, (request: Request) => unknown]>([
  ["is not read", () => {}],
  ["is read in part", (request) => request.body!.getReader().read()],
  ["is cancelled after a part", async (request) => {
    const reader = request.body!.getReader();
    await reader.read();
    await reader.cancel();
  }],
])("a large body that %s holds nothing up", async (_, read) => {
  const { url } = await start(async (request) => {
    await read(request);
    return new Response("no", { status: 413 });
  });
  const body = new Uint8Array(3_000_000);
  for (let i = 0; i < 3; i++) expect((await fetch(url, { method: "POST", body })).status).toBe(413);
});

test("a client that goes away while it sends harms nobody else", async () => {
  const arrived = signalled();
  const gone = signalled();
  const { url, port } = await start((request) => {
    if (request.method === "GET") return new Response("still here");
    request.signal.addEventListener("abort", gone.resolve);
    arrived.resolve();
    return new Promise<Response>(() => {});
  });
  const socket = connect(port, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf of");
  await arrived.promise;
  socket.destroy();
  await gone.promise;
  expect(await (await fetch(url)).text()).toBe("still here");
});

test("a finished request does not abort", async () => {
  let signal: AbortSignal | undefined;
  const server = await start((request) => (signal = request.signal, new Response("x")));
  await (await fetch(server.url)).text();
  await server.close();
  expect(signal?.aborted).toBe(false);
});

test("a network error is a dropped connection", async () => {
  const { url } = await start(() => Response.error());
  await expect(fetch(url)).rejects.toThrow("fetch failed");
});

test("a handler that throws is a 500 that says nothing, and the error is printed", async () => {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  const { url } = await start(() => Promise.reject(new Error("secret")));
  const response = await fetch(url);
  expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
  expect(print).toHaveBeenCalledWith("serve:", expect.objectContaining({ message: "secret" }));
  print.mockRestore();
});

test("so is one that throws once it has read what was sent", async () => {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  const { url } = await start(async (request) => {
    await request.arrayBuffer();
    throw new Error("too late");
  });
  const response = await fetch(url, { method: "POST", body: "x".repeat(100_000), signal: AbortSignal.timeout(5000) });
  expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
  print.mockRestore();
});

test.each([
  ["an absolute target", "GET http://elsewhere.example/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
])("refuses %s", async (_, request) => {
  const { port } = await start(() => new Response("reached"));
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  socket.write(request);
  const [answer] = await new Promise<string[]>((resolve) => socket.once("data", (data) => resolve([String(data)])));
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  socket.destroy();
});

test("a busy port is the plain error", async () => {
  const { port } = await start(() => new Response());
  await expect(start(() => new Response(), port)).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("close ends open connections", async () => {
  const server = await start(() => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(1)) })));
  const response = await fetch(server.url);
  const body = response.arrayBuffer();
  await server.close();
  await expect(body).rejects.toThrow();
});
