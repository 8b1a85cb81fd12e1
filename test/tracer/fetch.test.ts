import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { tracedFetch, type TracedFetchOptions } from "../../tracer/fetch.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { memoryTracer } from "./_support/memory.ts";

interface Seen {
  method: string;
  url: string;
  body: string;
}

/** A server that does what the path says. */
async function start(options: TracedFetchOptions = {}) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => body += chunk).on("end", () => {
      seen.push({ method: request.method!, url: request.url!, body });
      ROUTES[request.url!.split("?")[0]!]!(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const memory = memoryTracer();
  const traced = tracedFetch(memory.tracer, options);
  return {
    ...memory,
    seen,
    fetch: traced,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The steps of a trace in which `fn` runs. */
    steps: async (fn: (fetch: typeof globalThis.fetch) => unknown) => {
      await memory.tracer.trace("bot", () => Promise.resolve(fn(traced)).catch(() => {}));
      return (await memory.sent()).at(-1)!.steps.map(({ name, status, error }) => ({ name, status, error }));
    },
  };
}

const ROUTES: Record<string, (response: ServerResponse) => void> = {
  "/ok": (response) => response.end("fine"),
  "/missing": (response) => response.writeHead(404).end("no such thing"),
  "/plain": (response) => response.writeHead(503, "").end(),
  "/drop": (response) => response.destroy(),
  "/hang": () => {},
  "/slow": (response) => {
    response.write("first ");
    setTimeout(() => response.end("last"), 300);
  },
};

describe("tracedFetch", () => {
  test("a call is a step named after the host, and the answer is that of fetch", async () => {
    const { origin, steps } = await start();
    const texts: string[] = [];
    expect(
      await steps(async (fetch) => {
        const response = await fetch(`${origin}/ok?key=1`);
        expect(response).toBeInstanceOf(Response);
        texts.push(await response.text());
      }),
    ).toEqual([{ name: "http.127.0.0.1" }]);
    expect(texts).toEqual(["fine"]);
  });

  test("takes all that fetch takes", async () => {
    const { origin, steps, seen } = await start();
    const init = { method: "POST", body: "hello" };
    expect(
      await steps(async (fetch) => {
        await fetch(new URL(`${origin}/ok`), init);
        await fetch(new Request(`${origin}/ok`, init));
        await fetch(new Request(`${origin}/ok`, init), { method: "PUT", body: "instead" });
      }),
    ).toEqual(Array(3).fill({ name: "http.127.0.0.1" }));
    expect(seen.map(({ method, body }) => [method, body])).toEqual([
      ["POST", "hello"],
      ["POST", "hello"],
      ["PUT", "instead"],
    ]);
  });

  test("a status of 400 or more fails the step, not the call; the body stays the caller's", async () => {
    const { origin, steps } = await start();
    expect(
      await steps(async (fetch) => {
        const response = await fetch(`${origin}/missing?secret=1`);
        expect([response.status, await response.text()]).toEqual([404, "no such thing"]);
        await fetch(`${origin}/plain`);
      }),
    ).toEqual([
      { name: "http.127.0.0.1", status: "error", error: "404 Not Found" },
      { name: "http.127.0.0.1", status: "error", error: "503" },
    ]);
  });

  test("no answer: the message with its cause, and nothing of the address but the host", async () => {
    const { origin, steps } = await start();
    const thrown: unknown[] = [];
    const call = (url: string) => (fetch: typeof globalThis.fetch) => fetch(url).catch((error) => thrown.push(error));
    const [dropped] = await steps(call(`${origin}/drop?key=secret-1`));
    expect(dropped).toMatchObject({ status: "error", error: expect.stringMatching(/^fetch failed: .+/) });
    const [closed] = await steps(call("http://127.0.0.1:9/bot123:secret-2/x?key=secret-3"));
    expect(closed).toMatchObject({ error: expect.stringMatching(/^fetch failed: (connect ECONNREFUSED|bad port)/) });
    expect(thrown.map((error) => (error as Error).message)).toEqual(["fetch failed", "fetch failed"]);
    // Of several addresses that all refuse, there is no message but a code.
    const cause = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" });
    const both = await start({ fetch: () => Promise.reject(new TypeError("fetch failed", { cause })) });
    expect(await both.steps(call("http://localhost/"))).toMatchObject([{ error: "fetch failed: ECONNREFUSED" }]);
    expect(JSON.stringify([dropped, closed])).not.toContain("secret");
  });

  test("errors of other fetches, which quote addresses, lose all but the host", async () => {
    const messages = [
      "error sending request for url (http://api.example.com/bot1:secret/x?key=secret): client error (Connect)",
      "request to https://api.example.com:8443/v1?key=secret failed, reason: connect ECONNREFUSED",
      "no credentials in https://user:secret@api.example.com/secret, please",
    ];
    for (const message of messages) {
      const failing = () => Promise.reject(new Error(message));
      const { steps } = await start({ fetch: failing });
      const [step] = await steps((fetch) => fetch("http://api.example.com/"));
      expect(step!.error).not.toContain("secret");
      expect(step!.error).toContain("api.example.com");
      expect(step!.error).toMatch(/\(Connect\)$|ECONNREFUSED$|please$/);
    }
  });

  test("whatever a mock gives or fails with reaches the bot as it is", async () => {
    const { tracer, sent } = memoryTracer();
    const unreadable = new Proxy(new Error("unreadable"), {
      get: () => {
        throw new Error("the trap's own");
      },
    });
    const caused = Object.defineProperty(new Error("outer"), "cause", {
      get: () => {
        throw new Error("the getter's own");
      },
    });
    await tracer.trace("bot", async () => {
      const nothing = tracedFetch(tracer, { fetch: () => Promise.resolve(undefined as never) });
      expect(await nothing("https://a.example/")).toBeUndefined();
      for (const error of [unreadable, caused]) {
        const failing = tracedFetch(tracer, { fetch: () => Promise.reject(error) });
        expect(await failing("https://b.example/").catch((thrown) => thrown === error)).toBe(true);
      }
    });
    expect((await sent())[0]!.steps.map(({ name, error }) => [name, error])).toEqual([
      ["http.a.example", undefined],
      ["http.b.example", "[unprintable error]"],
      ["http.b.example", "outer"],
    ]);
  });

  test("an AbortSignal works, and is the error", async () => {
    const { origin, steps, seen, fetch, tracer } = await start();
    const controller = new AbortController();
    const abort = async () => {
      await expect.poll(() => seen.length).toBe(1);
      controller.abort(new Error("the user went away"));
    };
    expect(
      await steps(async (fetch) => {
        const call = fetch(`${origin}/hang`, { signal: controller.signal });
        await Promise.all([expect(call).rejects.toThrow("the user went away"), abort()]);
      }),
    ).toEqual([{ name: "http.127.0.0.1", status: "error", error: "the user went away" }]);
    await expect(tracer.trace("bot", () => fetch(`${origin}/hang`, { signal: AbortSignal.abort() }))).rejects.toThrow(
      "aborted",
    );
  });

  test("the step ends with the headers; reading a slow body is not in it", async () => {
    const { origin, tracer, sent, fetch } = await start();
    let headersMs!: number;
    await tracer.trace("bot", async () => {
      const begin = performance.now();
      const response = await fetch(`${origin}/slow`);
      headersMs = performance.now() - begin;
      expect(await response.text()).toBe("first last");
    });
    const [{ duration_ms, steps }] = await sent() as [WireTrace];
    expect(steps[0]!.duration_ms).toBeLessThanOrEqual(headersMs + 1);
    expect(duration_ms).toBeGreaterThan(headersMs + 150);
  });

  test("names may be the bot's own; without one, or if that fails, it is the host, cut to 20 characters", async () => {
    const name = ({ pathname, hostname }: URL) => {
      if (pathname === "/ok") return "weather.today.and.tomorrow";
      if (hostname === "throws.example.com") throw new Error("the author's own");
      return undefined;
    };
    const { steps, problems } = await start({ name, fetch: () => Promise.resolve(new Response("x")) });
    const called = await steps(async (fetch) => {
      await fetch("http://a.example.com/ok");
      await fetch("http://throws.example.com/");
      await fetch("http://generativelanguage.example.com/models/1");
    });
    expect(called.map(({ name }) => name)).toEqual([
      "weather.today.and.to",
      "http.throws.example.",
      "http.generativelangu",
    ]);
    expect(problems).toEqual([]);
  });

  test("an address that is none is the error of fetch, and no step", async () => {
    const { steps } = await start();
    let thrown: unknown;
    expect(await steps((fetch) => fetch("/relative?key=secret").catch((error) => thrown = error))).toEqual([]);
    expect(thrown).toBeInstanceOf(TypeError);
  });

  test("outside any trace, and after its end, it is fetch alone", async () => {
    const { origin, fetch, tracer, sent, problems } = await start();
    expect(await (await fetch(`${origin}/ok`)).text()).toBe("fine");
    let later!: Promise<Response>;
    tracer.trace("bot", () => {
      later = new Promise((resolve) => setTimeout(resolve, 10)).then(() => fetch(`${origin}/missing`));
    });
    expect((await later).status).toBe(404);
    expect(await sent()).toMatchObject([{ steps: [] }]);
    expect(tracer.stats().orphanSteps).toBe(0);
    expect(problems).toEqual([]);
  });

  test("calls at once keep apart, below the steps that make them", async () => {
    const { origin, fetch, tracer, sent } = await start();
    await Promise.all(
      Array.from(
        { length: 50 },
        (_, n) =>
          tracer.trace("bot", () =>
            Promise.all(["a", "b"].map((name) =>
              tracer.step(`${name}${n}`, async () => {
                await fetch(`${origin}/${n % 2 ? "ok" : "missing"}`);
              })
            )), { update_id: n }),
      ),
    );
    for (const { update_id: n, steps } of await sent()) {
      expect(steps.map(({ name, parent, error }) => ({ name, parent, error }))).toEqual([
        { name: `a${n}` },
        { name: "http.127.0.0.1", parent: 1, ...(n! % 2 === 0 && { error: "404 Not Found" }) },
        { name: `b${n}` },
        { name: "http.127.0.0.1", parent: 3, ...(n! % 2 === 0 && { error: "404 Not Found" }) },
      ]);
    }
    expect(await sent()).toHaveLength(50);
  });
});
