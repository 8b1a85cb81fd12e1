// In this process, and undone after each test: vitest's own channel to its workers is no socket that is opened.
import dgram from "node:dgram";
import dns from "node:dns";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { forbidSockets, type NoSockets } from "../../../scripts/synthetic/no_sockets.ts";

let sockets: NoSockets;
let listening: net.Server;
let port: number;
let heard = 0;
beforeEach(async () => {
  heard = 0;
  listening = net.createServer((socket) => {
    heard++;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  port = (listening.address() as net.AddressInfo).port;
  sockets = forbidSockets();
});
afterEach(() => {
  sockets.restore();
  listening.close();
});

const failing = (emitter: NodeJS.EventEmitter) => once(emitter, "error").then(([error]) => error as Error);

/** Ways to reach somebody, each of which has to fail. */
const WAYS: Record<string, () => Promise<Error>> = {
  fetch: () => fetch(`http://127.0.0.1:${port}/x`).then(() => new Error("no error"), (error) => error),
  "fetch with a Request": () =>
    fetch(new Request(`http://127.0.0.1:${port}/`)).then(() => new Error("none"), (error) => error),
  "http.request": () => failing(http.request({ host: "127.0.0.1", port }).end()),
  "http with an agent of its own": () =>
    failing(http.get({ host: "127.0.0.1", port, agent: new http.Agent({ keepAlive: true }) })),
  "https.get": () => failing(https.get(`https://127.0.0.1:${port}/`)),
  "http2.connect": () => failing(http2.connect(`http://127.0.0.1:${port}`)),
  "net.connect": () => failing(net.connect(port, "127.0.0.1")),
  "new net.Socket().connect": () => failing(new net.Socket().connect({ port, host: "127.0.0.1" })),
  "tls.connect": () => failing(tls.connect(port, "127.0.0.1")),
};

test.each(Object.keys(WAYS))("%s fails, and names the host", async (way) => {
  const error = await WAYS[way]!();
  expect(error).toMatchObject({ name: "SocketRefused", code: "ERR_DRY_RUN" });
  expect(error.message).toContain(`127.0.0.1:${port}`);
  expect(heard).toBe(0);
  expect([...sockets.others]).toEqual([`127.0.0.1:${port}`]);
});

test("a Unix socket, a datagram, a name and a server are refused, too", async () => {
  expect((await failing(net.connect("/tmp/some.sock"))).message).toContain("/tmp/some.sock");
  const udp = dgram.createSocket("udp4");
  expect(() => udp.send("x", 53, "192.0.2.1")).toThrow("53:192.0.2.1");
  udp.close();
  await expect(dns.promises.lookup("example.com")).rejects.toThrow("example.com");
  await expect(
    new Promise((resolve, reject) => dns.lookup("example.org", (e, address) => e ? reject(e) : resolve(address))),
  )
    .rejects.toThrow("example.org");
  expect(() => http.createServer().listen(8099)).toThrow("localhost:8099");
});

test("what a scenario wants is remembered with it, also when it happens later", async () => {
  const [mine, others] = [new Set<string>(), new Set<string>()];
  const late = await sockets.watch(
    mine,
    () =>
      Promise.resolve({
        ended: new Promise((resolve) => setTimeout(() => resolve(fetch("http://late.test/").catch(() => {})), 5)),
      }),
  );
  await sockets.watch(others, () => fetch("http://now.test/").catch(() => {}) as Promise<unknown>);
  await late.ended;
  expect([[...mine], [...others], [...sockets.others]]).toEqual([["late.test"], ["now.test"], []]);
});

test("restored, sockets can be opened again", async () => {
  sockets.restore();
  await once(net.connect(port, "127.0.0.1"), "close");
  expect(heard).toBe(1);
});
