import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTracer } from "../../tracer/index.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { setup } from "./_support/delivery.ts";
import { startIngest } from "./_support/ingest.ts";
import { runtimes, start as startProcess } from "./_support/runtimes.ts";

const bot = fileURLToPath(new URL("_support/bot.ts", import.meta.url));
/** Resolves when the bot has recorded its traces. */
const start = (runtime: string[], url: string, mode: string) => startProcess([...runtime, bot, url, mode]);

const pipelines = (stored: Map<string, WireTrace>) => [...stored.values()].map((trace) => trace.pipeline).sort();

describe.each(Object.entries(runtimes))("%s", { timeout: 20_000 }, (_, runtime) => {
  test("a process that runs out of work sends everything first", async () => {
    const ingest = await startIngest();
    const { ended } = await start(runtime, ingest.url, "end");
    expect(await ended).toEqual({ code: 0, signal: null, stderr: "" });
    expect(pipelines(ingest.stored)).toEqual(["bot", "bot", "bot", "bot", "bot"]);
    for (const { steps } of ingest.stored.values()) {
      const named = (name: string) => steps.findIndex((step) => step.name === name) + 1;
      expect(steps).toHaveLength(5);
      expect(steps.map((step) => [step.name, step.parent])).toEqual(expect.arrayContaining([
        ["a", named("outer")],
        ["b", named("outer")],
        ["a.in", named("a")],
        ["b.in", named("b")],
      ]));
    }
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s: nothing is lost, and the process dies of the signal",
    async (signal) => {
      const ingest = await startIngest();
      const { child, ended } = await start(runtime, ingest.url, "wait");
      expect(ingest.requests).toHaveLength(0);
      child.kill(signal);
      expect(await ended).toEqual({ code: null, signal, stderr: "" });
      expect(ingest.stored.size).toBe(5);
    },
  );

  test("SIGTERM: a trace that still runs is sent as failed", async () => {
    const ingest = await startIngest();
    const { child, ended } = await start(runtime, ingest.url, "open");
    child.kill("SIGTERM");
    await ended;
    const open = [...ingest.stored.values()].find((trace) => trace.pipeline === "open");
    expect(open).toMatchObject({ status: "error", error: "still running when the tracer was closed" });
  });

  test("SIGTERM: an app with a handler of its own decides how the process ends", async () => {
    const ingest = await startIngest();
    const { child, ended } = await start(runtime, ingest.url, "app");
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 7, signal: null });
    expect(pipelines(ingest.stored)).toEqual(["bot", "bot", "bot", "bot", "bot", "goodbye"]);
  });

  test.each(["end", "leave"])("a server that hangs: a process that runs out of work (%s) ends soon", async (mode) => {
    const ingest = await startIngest();
    const hang = () => "hang" as const;
    ingest.failures = [hang];
    const { child, ended } = await start(runtime, ingest.url, mode);
    const from = performance.now();
    if (mode === "leave") child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0, signal: null });
    expect(performance.now() - from).toBeLessThan(4000);
    expect(ingest.requests).toHaveLength(1);
  });

  test("a server that hangs holds up the end for two seconds, a second signal not at all", async () => {
    const ingest = await startIngest();
    ingest.failures = ["hang", "hang"];
    const [patient, impatient] = await Promise.all([
      start(runtime, ingest.url, "wait"),
      start(runtime, ingest.url, "wait"),
    ]);
    patient.child.kill("SIGTERM");
    impatient.child.kill("SIGTERM");
    await ingest.until(() => ingest.requests.length === 2);
    impatient.child.kill("SIGTERM");
    expect(await Promise.race([impatient.ended.then(() => "impatient"), patient.ended.then(() => "patient")])).toBe(
      "impatient",
    );
    expect((await patient.ended).signal).toBe("SIGTERM");
    expect((await impatient.ended).signal).toBe("SIGTERM");
  });
});

test("Deno without a process: beforeunload sends everything first, and gives up on a server that is away", async () => {
  const [ingest, away] = await Promise.all([startIngest(), startIngest()]);
  away.failures = [() => ({ status: 503 })];
  const [sent, unsent] = await Promise.all([
    start(runtimes.Deno, ingest.url, "unload"),
    start(runtimes.Deno, away.url, "unload"),
  ]);
  expect(await sent.ended).toEqual({ code: 0, signal: null, stderr: "" });
  expect(pipelines(ingest.stored)).toEqual(["bot", "bot", "bot", "bot", "bot"]);
  expect(await unsent.ended).toMatchObject({ code: 0, stderr: expect.stringContaining("undelivered") });
  expect(away.requests.length).toBeGreaterThan(0);
});

test("an edge runtime that stops is asked to wait for the last flush", async () => {
  const target = new EventTarget();
  const held: Promise<unknown>[] = [];
  const scope = globalThis as Record<string, unknown>;
  scope.addEventListener = target.addEventListener.bind(target);
  scope.removeEventListener = target.removeEventListener.bind(target);
  scope.EdgeRuntime = { waitUntil: (promise: Promise<unknown>) => held.push(promise) };
  onTestFinished(() => {
    for (const name of ["addEventListener", "removeEventListener", "EdgeRuntime"]) delete scope[name];
  });
  const { ingest, tracer, record } = await setup({ flushOnExit: true });
  ingest.failures = [{ status: 503, headers: { "retry-after": "1" } }];
  record(1);
  // The server is away, and has asked for more patience than the platform was asked for.
  expect(await Promise.race([held[0], ingest.until(() => ingest.requests.length === 1)])).toBeUndefined();
  const before = held.length;
  target.dispatchEvent(new Event("beforeunload", { cancelable: true }));
  expect(held).toHaveLength(before + 1);
  expect(await held.at(-1)).toEqual([true]);
  expect(ingest.stored.size).toBe(1);
  await tracer.close();
  target.dispatchEvent(new Event("beforeunload"));
  expect(held).toHaveLength(before + 1);
});

test("closing the last tracer takes its listeners away", async () => {
  const count = () =>
    ["SIGTERM", "SIGINT", "beforeExit", "removeListener"].map((event) => process.listenerCount(event));
  const before = count();
  const tracers = [createTracer({ onError: () => {} }), createTracer({ onError: () => {} })];
  expect(count()).toEqual(before.map((listeners) => listeners + 1));
  for (const tracer of tracers) await tracer.close();
  expect(count()).toEqual(before);
});
