/**
 * One address for the project, as hosted Supabase has: `/rest/v1` is PostgREST, `/functions/v1/<name>` the functions.
 *
 * @module
 */
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { isValidKey } from "./jwt.ts";

export interface GatewayOptions {
  port: number;
  restPort: number;
  /** By name: where each function listens, and whether it wants a valid API key before it is called. */
  functions: ReadonlyMap<string, { port: number; verifyJwt: boolean }>;
  jwtSecret: string;
}

export interface Gateway {
  port: number;
  close(): Promise<void>;
}

interface Upstream {
  port: number;
  path: string;
  headers: IncomingHttpHeaders;
}

type Refusal = [status: number, body: object];

/** @throws the plain EADDRINUSE error when the port is busy. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const server = createServer((incoming, outgoing) => {
    const target = route(incoming, options);
    if (Array.isArray(target)) refuse(outgoing, ...target);
    else forward(incoming, outgoing, target, agent);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}

function route(incoming: IncomingMessage, options: GatewayOptions): Upstream | Refusal {
  const url = incoming.url ?? "/";
  const headers = { ...incoming.headers, "x-forwarded-for": "127.0.0.1" };
  const apiKey = header(headers, "apikey");
  const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? "")?.[1];

  if (/^\/rest\/v1(\/|$|\?)/.test(url)) {
    if (!apiKey) return [401, { message: "No API key found in request" }];
    if (!isValidKey(apiKey, options.jwtSecret)) return [401, { message: "Invalid API key" }];
    headers.authorization ??= `Bearer ${apiKey}`;
    return { port: options.restPort, path: url.slice("/rest/v1".length) || "/", headers };
  }
  const [, name, rest = ""] = /^\/functions\/v1\/([\w-]+)((?:[/?].*)?)$/.exec(url) ?? [];
  if (!name) return [404, { message: "no Route matched with those values" }];
  const fn = options.functions.get(name);
  if (!fn) return [404, { code: "NOT_FOUND", message: "Requested function was not found" }];
  if (fn.verifyJwt && !isValidKey(bearer ?? "", options.jwtSecret)) {
    return [401, { code: 401, message: bearer ? "Invalid JWT" : "Missing authorization header" }];
  }
  return { port: fn.port, path: `/${name}${rest}`, headers };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, target: Upstream, agent: Agent): void {
  const { connection: _, ...headers } = target.headers;
  const upstream = request(
    { host: "127.0.0.1", port: target.port, path: target.path, method: incoming.method, headers, agent },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.once("error", () => outgoing.destroy());
    },
  );
  upstream.once("error", (error) => {
    if (outgoing.headersSent) outgoing.destroy();
    else refuse(outgoing, 503, { message: `The service behind this path does not answer: ${error.message}` });
  });
  outgoing.once("close", () => upstream.destroy());
  incoming.pipe(upstream);
}

function refuse(outgoing: ServerResponse, status: number, body: object): void {
  outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const header = (headers: IncomingHttpHeaders, name: string) => [headers[name]].flat()[0];
