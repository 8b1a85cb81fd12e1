/**
 * From here on this process opens no socket: whoever tries gets an error that names the host, and is remembered.
 *
 * All of Node's clients end in these few functions: http, https, http2, tls, undici and the global `fetch`. What was asked for
 * by a scenario is remembered with it, also when it happens long after.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import dgram from "node:dgram";
import dns from "node:dns";
import net from "node:net";

/** An attempt to open a socket. */
export class SocketRefused extends Error {
  override readonly name = "SocketRefused";
  readonly code = "ERR_DRY_RUN";

  constructor(host: string) {
    super(`A dry run opens no socket, and something wanted one to ${host}.`);
  }
}

export interface NoSockets {
  /** Runs `fn`. What it asks for, now or later, is added to `hosts`. */
  watch<T>(hosts: Set<string>, fn: () => Promise<T>): Promise<T>;
  /** Asked for outside of all that is watched. */
  readonly others: ReadonlySet<string>;
  /** For tests: sockets can be opened again. */
  restore(): void;
}

export function forbidSockets(): NoSockets {
  const watched = new AsyncLocalStorage<Set<string>>();
  const others = new Set<string>();
  const restores: (() => void)[] = [];

  function refused(host: string): SocketRefused {
    (watched.getStore() ?? others).add(host);
    return new SocketRefused(host);
  }
  /** `by` returns what the caller gets. */
  // deno-lint-ignore no-explicit-any -- functions of any form
  function replace<K extends string>(owner: Record<K, any>, name: K, by: (this: any, ...args: any[]) => unknown): void {
    const real = owner[name];
    owner[name] = by;
    restores.push(() => owner[name] = real);
  }

  replace(globalThis, "fetch", (input: string | URL | Request) => {
    const url = input instanceof Request ? input.url : String(input);
    return Promise.reject(refused(URL.canParse(url) ? new URL(url).host : url));
  });
  replace(net.Socket.prototype, "connect", function (this: net.Socket, ...args: unknown[]) {
    // As when nobody listens there: a moment later, for whoever wants to hear of it is not yet listening.
    const error = refused(hostOf(args));
    setImmediate(() => this.destroy(error));
    return Object.assign(this, { connecting: true });
  });
  replace(net.Server.prototype, "listen", (...args: unknown[]) => {
    throw refused(hostOf(args));
  });
  for (const name of ["bind", "connect", "send"] as const) {
    replace(dgram.Socket.prototype, name, (...args: unknown[]) => {
      throw refused(
        args.filter((arg) => typeof arg === "string" || typeof arg === "number").slice(-2).join(":") || "udp",
      );
    });
  }
  for (const name of Object.keys(dns).filter((name) => /^(lookup|resolve|reverse)/.test(name))) {
    replace(dns as never, name as never, (...args: unknown[]) => {
      const done = args.at(-1);
      const error = refused(String(args[0]));
      if (typeof done === "function") process.nextTick(done as () => void, error);
      else throw error;
    });
    replace(dns.promises as never, name as never, (host: unknown) => Promise.reject(refused(String(host))));
  }

  return {
    watch: (hosts, fn) => watched.run(hosts, fn),
    others,
    restore: () => {
      for (const restore of restores.splice(0)) restore();
    },
  };
}

/** Of the arguments of `connect` and `listen`, which come in many forms, also as the list that Node makes of them. */
function hostOf(args: unknown[]): string {
  const [first, second] = Array.isArray(args[0]) ? args[0] as unknown[] : args;
  if (typeof first === "object" && first !== null) {
    const { path, host, hostname, servername, port } = first as Record<string, unknown>;
    if (typeof path === "string" && port === undefined) return path;
    return `${host ?? hostname ?? servername ?? "localhost"}:${port}`;
  }
  if (typeof first === "string" && !/^\d+$/.test(first)) return first;
  return `${typeof second === "string" ? second : "localhost"}:${first}`;
}
