/**
 * The example bot in a process of its own: it takes updates as a webhook does, and tells how long it handled each of them.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import process from "node:process";
import { json } from "node:stream/consumers";
import type { Tracer } from "../../../tracer/index.ts";
import { createExampleBot, STEPS } from "../../../examples/support-bot/bot.ts";
import { createLlm } from "../../../examples/support-bot/llm.ts";

export type Demand = "port" | "begin" | "end";

export interface Answer {
  port: number;
  /** Milliseconds that each update took, since `begin`. */
  ms: number[];
  /** Milliseconds of CPU time since then, all threads', with what the tracer does in the background. */
  cpuMs: number;
  /** Milliseconds that the event loop came late, p99. */
  loopMs: number;
  stats: { recorded: number; delivered: number; queued: number };
}

export type BotTracer = Tracer<keyof typeof STEPS>;

/** @param settle Waits for what the tracer still does. */
export function serveBot(tracer: BotTracer, settle: () => Promise<unknown>): void {
  const { TELEGRAM_URL, PROVIDER_URL, BOT_TOKEN } = process.env as Record<string, string>;
  const bot = createExampleBot({
    token: BOT_TOKEN!,
    apiRoot: TELEGRAM_URL!,
    tracer,
    llm: createLlm({ baseUrl: `${PROVIDER_URL}/v1`, key: "k", model: "stand-in", timeoutMs: 20_000 }),
    findOrders: async (userId) => await (await fetch(`${PROVIDER_URL}/orders?of=${userId}`)).json() as unknown[],
  });
  let ms: number[] = [];
  let cpu = process.cpuUsage();
  const loop = monitorEventLoopDelay({ resolution: 1 });

  const server = createServer(async (request, response) => {
    const update = await json(request) as Parameters<typeof bot.handleUpdate>[0];
    const began = performance.now();
    await bot.handleUpdate(update);
    ms.push(performance.now() - began);
    response.end();
  });
  const listening = new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));

  async function answer(demand: Demand): Promise<Answer> {
    await listening;
    if (demand === "begin") {
      ms = [];
      loop.reset();
      loop.enable();
      cpu = process.cpuUsage();
    }
    const loopMs = loop.percentile(99) / 1e6;
    if (demand === "end") {
      loop.disable();
      await settle();
    }
    const { user, system } = process.cpuUsage(cpu);
    const { port } = server.address() as AddressInfo;
    return { port, ms, cpuMs: (user + system) / 1000, loopMs, stats: tracer.stats() };
  }

  process.on("message", (demand: { kind: Demand }) => void answer(demand.kind).then((result) => process.send!(result)));
  process.on("disconnect", () => process.exit());
}
