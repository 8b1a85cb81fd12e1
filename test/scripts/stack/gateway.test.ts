import { createHmac } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Gateway, startGateway } from "../../../scripts/stack/gateway.ts";
import { signKey } from "../../../scripts/stack/jwt.ts";
import { freePort } from "../../../scripts/stack/ports.ts";
import { serve, type Served } from "../../../scripts/stack/serve.ts";

const SECRET = "a secret of the tests";
const KEY = signKey("anon", SECRET);
const REST = "/rest/v1/rpc/x";

/** What reached the services, and how they answer. */
let seen: { service: string; method: string; path: string; headers: Headers }[] = [];
let answer: (request: Request) => Response | Promise<Response>;
const services: Served[] = [];
let gateway: Gateway;
let url: string;

async function service(name: string): Promise<number> {
  const served = await serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    seen.push({ service: name, method: request.method, path: pathname + search, headers: request.headers });
    return await answer(request);
  }, { port: 0 });
  services.push(served);
  return served.port;
}

beforeAll(async () => {
  const functions = new Map([
    ["open", { port: await service("open"), verifyJwt: false }],
    ["closed", { port: await service("closed"), verifyJwt: true }],
    ["gone", { port: await freePort(), verifyJwt: false }],
  ]);
  gateway = await startGateway({ port: 0, restPort: await service("rest"), functions, jwtSecret: SECRET });
  url = `http://127.0.0.1:${gateway.port}`;
});
beforeEach(() => {
  seen = [];
  answer = () => new Response("answered");
});
afterAll(async () => {
  await gateway?.close();
  for (const served of services) await served.close();
});

function token(claims: object, secret = SECRET): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
const EXPIRED = token({ role: "anon", exp: Math.floor(Date.now() / 1000) - 1 });
const FOREIGN = token({ role: "service_role" }, "another secret");
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("what is refused reaches no service", () => {
  test.each<[string, string, Record<string, string>, number, string]>([
    ["/rest/v1 without a key", REST, {}, 401, "No API key found in request"],
    ["/rest/v1 with a bearer token alone", REST, bearer(KEY), 401, "No API key found in request"],
    ["/rest/v1 with a key that is none", REST, { apikey: "x" }, 401, "Invalid API key"],
    ["/rest/v1 with an expired key", REST, { apikey: EXPIRED }, 401, "Invalid API key"],
    ["/rest/v1 with a foreign key", REST, { apikey: FOREIGN }, 401, "Invalid API key"],
    ["a function that is not there", "/functions/v1/other", bearer(KEY), 404, "Requested function was not found"],
    ["a function's name with more behind it", "/functions/v1/open.", {}, 404, "no Route matched with those values"],
    ["a function without a name", "/functions/v1/", {}, 404, "no Route matched with those values"],
    ["any other path", "/auth/v1/user", { apikey: KEY }, 404, "no Route matched with those values"],
    ["a path that only begins alike", "/rest/v12/x", { apikey: KEY }, 404, "no Route matched with those values"],
    ["verify_jwt without a token", "/functions/v1/closed", {}, 401, "Missing authorization header"],
    ["verify_jwt with an apikey alone", "/functions/v1/closed", { apikey: KEY }, 401, "Missing authorization header"],
    ["verify_jwt with an expired token", "/functions/v1/closed", bearer(EXPIRED), 401, "Invalid JWT"],
    ["verify_jwt with a foreign token", "/functions/v1/closed", bearer(FOREIGN), 401, "Invalid JWT"],
  ])("%s", async (_, path, headers, status, message) => {
    const response = await fetch(url + path, { headers });
    expect([response.status, (await response.json()).message]).toEqual([status, message]);
    expect(seen).toEqual([]);
  });
});

describe("what is passed on", () => {
  test.each<[string, string, Record<string, string>, string, string, string | null]>([
    ["apikey alone is the token too", `${REST}?a=b`, { apikey: KEY }, "rest", "/rpc/x?a=b", `Bearer ${KEY}`],
    ["a token of one's own stays", REST, { apikey: KEY, ...bearer("mine") }, "rest", "/rpc/x", "Bearer mine"],
    ["the root of /rest/v1", "/rest/v1", { apikey: KEY }, "rest", "/", `Bearer ${KEY}`],
    ["a function with its path", "/functions/v1/open/x?y=1", {}, "open", "/open/x?y=1", null],
    ["a function with a query alone", "/functions/v1/open?y=1", {}, "open", "/open?y=1", null],
    ["a token that an open function checks itself", "/functions/v1/open", bearer("x"), "open", "/open", "Bearer x"],
    ["verify_jwt with a token", "/functions/v1/closed", bearer(KEY), "closed", "/closed", `Bearer ${KEY}`],
  ])("%s", async (_, path, headers, service, upstreamPath, authorization) => {
    const response = await fetch(url + path, { method: "PATCH", headers });
    expect([response.status, await response.text()]).toEqual([200, "answered"]);
    expect(seen.map(({ service, method, path }) => [service, method, path])).toEqual([
      [service, "PATCH", upstreamPath],
    ]);
    expect(seen[0]!.headers.get("authorization")).toBe(authorization);
    expect(seen[0]!.headers.get("host")).toBe(new URL(url).host);
  });

  test("status and headers come back", async () => {
    answer = () => new Response(null, { status: 304, headers: { "x-a": "1", location: "/elsewhere" } });
    const response = await fetch(`${url}/functions/v1/open`, { redirect: "manual" });
    expect([response.status, response.headers.get("x-a"), response.headers.get("location")]).toEqual([
      304,
      "1",
      "/elsewhere",
    ]);
  });

  test("large bodies, both ways, unchanged", async () => {
    answer = (request) => new Response(request.body);
    const body = new Uint8Array(8_000_000).map((_, i) => i * 31 >> 3);
    const response = await fetch(`${url}/functions/v1/open`, { method: "POST", body });
    expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), body)).toBe(0);
  });

  test("a stream, piece by piece", async () => {
    let push!: (text: string) => void;
    answer = () =>
      new Response(
        new ReadableStream({ start: (c) => void (push = (text) => c.enqueue(new TextEncoder().encode(text))) }),
      );
    const asking = fetch(`${url}/functions/v1/open`);
    await expect.poll(() => push).toBeDefined();
    push("one");
    const reader = (await asking).body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe("one");
    push("two");
    expect((await reader.read()).value).toBe("two");
    await reader.cancel();
  });
});

describe("when somebody goes away", () => {
  test("a service that is down is a 503 that says so", async () => {
    const response = await fetch(`${url}/functions/v1/gone`);
    expect([response.status, (await response.json()).message]).toEqual([503, expect.stringContaining("ECONNREFUSED")]);
  });

  test("a service that drops the connection before it answers is a 503", async () => {
    answer = () => Response.error();
    expect((await fetch(`${url}/functions/v1/open`, { method: "POST", body: "x" })).status).toBe(503);
  });

  test("a service that stops in the middle of its answer is no complete answer", async () => {
    answer = () =>
      new Response(
        new ReadableStream({
          start: (c) => c.enqueue(new Uint8Array(1)),
          pull: () => Promise.reject(new Error("broken")),
        }),
      );
    const response = await fetch(`${url}/functions/v1/open`);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  test("a client that gives up ends the service's request", async () => {
    const client = new AbortController();
    const ended = new Promise<void>((resolve) => {
      answer = (request) => {
        request.signal.addEventListener("abort", () => resolve());
        client.abort();
        return new Promise<Response>(() => {});
      };
    });
    await expect(fetch(`${url}/functions/v1/open`, { signal: client.signal })).rejects.toThrow();
    await ended;
  });

  test("a client that vanishes while it sends harms nobody else", async () => {
    const arrived = vi.fn();
    const outcome = new Promise<unknown>((resolve) => {
      answer = (request) => {
        arrived();
        return request.text().then(() => new Response(), (error: unknown) => (resolve(error), Promise.reject(error)));
      };
    });
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write("POST /functions/v1/open HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf of");
    await expect.poll(() => arrived).toHaveBeenCalled();
    socket.destroy();
    expect(await outcome).toBeInstanceOf(Error);
    answer = () => new Response("still here");
    expect(await (await fetch(`${url}/functions/v1/open`)).text()).toBe("still here");
  });

  test("requests in a row on one connection do not disturb each other", async () => {
    answer = async (request) => new Response(await request.text());
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 20; i++) {
      const request = httpRequest(`${url}/functions/v1/open`, { method: "POST", agent });
      request.end(`request ${i}`);
      const [response] = await once(request, "response");
      expect(Buffer.concat(await response.toArray()).toString()).toBe(`request ${i}`);
    }
    agent.destroy();
  });
});

test("a busy port is the plain error", async () => {
  const options = { port: gateway.port, restPort: 1, functions: new Map(), jwtSecret: SECRET };
  await expect(startGateway(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
});
