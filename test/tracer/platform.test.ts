import { afterEach, describe, expect, test } from "vitest";
import { setup } from "./_support/delivery.ts";

const VERCEL = Symbol.for("@vercel/request-context");
const scope = globalThis as { EdgeRuntime?: unknown; [VERCEL]?: unknown };

afterEach(() => {
  delete scope.EdgeRuntime;
  delete scope[VERCEL];
});

/** A platform that, as the real ones, wants its method called as a method. */
class Platform {
  readonly held: Promise<unknown>[] = [];
  waitUntil(promise: Promise<unknown>): void {
    this.held.push(promise);
  }
}

const calm = { flushIntervalMs: 60_000, flushAt: 1000 };

describe("waitUntil", () => {
  test("is given a promise that settles when the trace is with the server", async () => {
    const sent: Promise<unknown>[] = [];
    const { ingest, tracer } = await setup({ ...calm, waitUntil: (promise) => sent.push(promise) });
    await tracer.trace("p", () => Promise.resolve());
    expect(sent).toHaveLength(1);
    expect(await sent[0]).toBe(true);
    expect(ingest.stored.size).toBe(1);
  });

  test("many traces of one tick share one flush", async () => {
    const { held } = scope.EdgeRuntime = new Platform();
    const { ingest, record } = await setup(calm);
    record(40);
    expect(new Set(held).size).toBe(1);
    expect(await held[0]).toBe(true);
    expect(ingest.requests.map(({ batch }) => batch.length)).toEqual([40]);
    record(1);
    expect(await held.at(-1)).toBe(true);
    expect(ingest.stored.size).toBe(41);
  });

  test("is found on Supabase's edge runtime", async () => {
    const { held } = scope.EdgeRuntime = new Platform();
    const { ingest, record } = await setup(calm);
    record(1);
    expect(await held[0]).toBe(true);
    expect(ingest.stored.size).toBe(1);
  });

  test("is found on Vercel, each time that of the current request", async () => {
    const requests = [new Platform(), new Platform()];
    let current: Platform | undefined = requests[0];
    scope[VERCEL] = { get: () => current };
    // What Vercel's edge runtime has there.
    scope.EdgeRuntime = "vercel";
    const { ingest, record } = await setup(calm);
    record(1);
    current = requests[1];
    record(1);
    current = undefined;
    record(1);
    expect(requests.map(({ held }) => held.length)).toEqual([1, 1]);
    expect(await Promise.all(requests.flatMap(({ held }) => held))).toEqual([true, true]);
    expect(ingest.stored.size).toBe(3);
  });

  test("of the author's own wins", async () => {
    const { held } = scope.EdgeRuntime = new Platform();
    const own: Promise<unknown>[] = [];
    const { record } = await setup({ ...calm, waitUntil: (promise) => own.push(promise) });
    record(1);
    expect([held.length, own.length]).toEqual([0, 1]);
    await own[0];
  });

  test.each<[string, () => void]>([
    ["a platform that throws", () =>
      scope.EdgeRuntime = {
        waitUntil: () => {
          throw new Error("no");
        },
      }],
    ["a getter that throws", () =>
      scope[VERCEL] = {
        get: () => {
          throw new Error("no");
        },
      }],
  ])("%s does not reach the bot, and is told once", async (_, install) => {
    install();
    const { tracer, problems, record } = await setup(calm);
    record(2);
    expect(problems).toEqual([{ code: "wait_until", message: "waitUntil failed: no" }]);
    expect(await tracer.flush()).toBe(true);
  });

  test("a platform with another idea of it is left alone", async () => {
    scope.EdgeRuntime = { waitUntil: 1 };
    scope[VERCEL] = { get: () => ({}) };
    const { tracer, problems, record } = await setup(calm);
    record(1);
    expect(await tracer.flush()).toBe(true);
    expect(problems).toEqual([]);
  });

  test("an open circuit is not probed for each trace, and holds up no instance", async () => {
    const { held } = scope.EdgeRuntime = new Platform();
    const { ingest, record } = await setup({ ...calm, retryDelayMs: 10_000 });
    ingest.failures = [() => ({ status: 401 })];
    for (let i = 0; i < 5; i++) {
      record(1);
      expect(await held.at(-1)).toBe(false);
    }
    expect(ingest.requests).toHaveLength(1);
  });
});
