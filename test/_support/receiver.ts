/** An HTTP server that remembers what it was sent, and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Receiver {
  url: string;
  heard: { method: string; path: string; headers: IncomingHttpHeaders; body: string }[];
  /** How the next requests are answered. */
  respond: (response: ServerResponse) => void;
  close(): void;
}

/** Takes any free port, or the one that it is given. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const receiver: Receiver = {
    url: "",
    heard: [],
    respond: (response) => response.writeHead(200).end(),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      receiver.heard.push({ method: request.method!, path: request.url!, headers: request.headers, body });
      receiver.respond(response);
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}
