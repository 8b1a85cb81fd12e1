/**
 * A `Request → Response` handler behind a port, on node:http.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface Served {
  /** Without a slash at the end. */
  url: string;
  port: number;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

/**
 * Bodies stream both ways. `request.signal` aborts when the client goes away. A response of type "error"
 * (`Response.error()`) drops the connection; a handler that throws is a 500.
 *
 * @param options.port 0 takes any free port.
 * @throws the plain EADDRINUSE error when the port is busy.
 */
export async function serve(
  handler: (request: Request) => Promise<Response>,
  { port, hostname = "127.0.0.1" }: { port: number; hostname?: string },
): Promise<Served> {
  const server = createServer((incoming, outgoing) => {
    answer(handler, incoming, outgoing).catch((error) => {
      // The client has gone, which is its right.
      if (outgoing.destroyed) return;
      console.error("serve:", error);
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500).end("Internal Server Error");
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => !outgoing.writableFinished && gone.abort());
  // What the handler left unread is read and dropped, or the client could not finish sending and never hear the answer.
  outgoing.once("finish", () => incoming.removeAllListeners("readable").resume());

  const url = `http://${incoming.headers.host ?? "localhost"}${incoming.url}`;
  if (!incoming.url?.startsWith("/") || !URL.canParse(url)) return void outgoing.writeHead(400).end("Bad Request");
  const response = await handler(toRequest(incoming, url, gone.signal));

  if (response.type === "error") return void outgoing.destroy();
  outgoing.statusCode = response.status;
  if (response.statusText) outgoing.statusMessage = response.statusText;
  // appendHeader keeps several set-cookie headers apart.
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  if (!response.body) return void outgoing.end();
  // Readable.fromWeb cancels the body when the client goes away.
  await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), outgoing);
}

function toRequest(incoming: IncomingMessage, url: string, signal: AbortSignal): Request {
  const method = incoming.method ?? "GET";
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody && { body: bodyOf(incoming), duplex: "half" }),
  });
}

/** Unlike `Readable.toWeb` it takes nothing before it is read, and leaves the connection alone when it is cancelled. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = incoming[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
}
