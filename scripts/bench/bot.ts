/**
 * What does it cost the example bot to be traced?
 *
 * Users in some chats write their next message when they have the last one's answer, to the same bot in four processes, in
 * turn: not traced; not traced, and in an AsyncLocalStorage that nobody reads, which no tracer can do without; traced, through
 * the real ingest function into Postgres; and traced while the ingest takes requests and never answers, which shows whether
 * anything in the bot waits for it. Telegram and the LLM are stand-ins whose latencies stay
 * as they are. Then the same without any latency, so that a bot handles what its one core can.
 *
 * All of it runs on one machine. What would be elsewhere in a real installation, behind the tracer, runs with a lower
 * priority.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { startWorld, type World } from "./bot/world.ts";
import type { Answer, Demand } from "./bot/worker.ts";
import type { Context } from "./context.ts";
import { atMost, inTurn, median, p95, percentile, ratioAtLeast } from "./measure.ts";
import { bundle, type Program, start } from "./tracer/process.ts";

const SIZES = {
  small: { rounds: 2, ms: 400, warmUpMs: 400 },
  full: { rounds: 24, ms: 2_000, warmUpMs: 4_000 },
};
/** Milliseconds, and how many chats there are: about a third of what one core can handle. */
const MODERATE = { latency: { telegram: 5, llm: 40, orders: 5 }, chats: 8 };
const SATURATED = { latency: { telegram: 0, llm: 0, orders: 0 }, chats: 24 };
/** In it, a tracer sends what it holds back for more. */
const PAUSE_MS = 150;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TELEGRAF = new URL("../../tracer/telegraf.ts", import.meta.url);
const UNTRACED = new URL("bot/untraced.ts", import.meta.url);

interface Bot {
  name: "off" | "bare" | "on" | "stalled";
  program: Program<{ kind: Demand }, Answer>;
  port: number;
  rounds: Round[];
  /** Updates that it was sent, since it started. */
  sent: number;
}

interface Round {
  ms: number[];
  /** Updates a second. */
  rate: number;
  /** Milliseconds an update. */
  cpuMs: number;
  loopMs: number;
  /** Calls to Telegram an update. */
  calls: number;
}

export async function bot({ size, clusters, progress, report }: Context): Promise<void> {
  const { rounds, ms, warmUpMs } = SIZES[size];
  const cluster = await clusters.start();
  const db = await cluster.connect();
  progress("starting");
  const world = await startWorld(cluster, SATURATED.chats);
  const bots = await startBots(world, clusters.key);
  const [off, bare, on, stalled] = bots as [Bot, Bot, Bot, Bot];
  try {
    for (const [load, what] of [[MODERATE, "moderate load"], [SATURATED, "all that it can handle"]] as const) {
      Object.assign(world.latency, load.latency);
      for (const bot of bots) {
        progress(`${what}: warming up, ${bot.name}`);
        await run(world, bot, load.chats, warmUpMs);
        bot.rounds = [];
      }
      for (let round = 0; round < rounds; round++) {
        progress(`${what}, in turn`, round / rounds);
        await inTurn(
          round,
          bots.map((bot) => async () => {
            bot.rounds.push(await run(world, bot, load.chats, ms));
            await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
          }),
        );
      }
      const title = `${load.chats} chats, ${what}`;
      const rate = (bot: Bot) => median(bot.rounds.map(({ rate }) => rate));
      const throughput = { case: title, unit: "updates/s", value: rate(on), against: rate(off) };
      report({ ...throughput, metric: "traced, against not traced", bar: ratioAtLeast(0.97) });
      report({ ...throughput, metric: "in a bare AsyncLocalStorage, against not traced", value: rate(bare) });
      if (load === MODERATE) { for (const line of latencies(title, off, bare, on, stalled)) report(line); }
      const cpu = (bot: Bot) => median(bot.rounds.map(({ cpuMs }) => cpuMs));
      const spent = { case: title, unit: "ms", against: cpu(off) };
      const ofBot = "CPU time of the bot's process, an update";
      report({ ...spent, metric: `${ofBot}, against not traced`, value: cpu(on) });
      report({ ...spent, metric: `${ofBot}, in a bare AsyncLocalStorage, against not traced`, value: cpu(bare) });
    }
    const { delivered } = await settled(on);
    const { rows: [{ stored }] } = await db.query("select count(*)::integer as stored from tracegram.pipeline_traces");
    if (stored !== delivered) throw new Error(`${delivered} traces were delivered, and ${stored} are there`);
    report({ case: "traced", metric: "traces in Postgres, of updates", unit: "", value: stored, against: on.sent });
  } finally {
    for (const { program } of bots) await program.stop();
    await world.close();
    await cluster.drop();
  }
}

/** What has become of its traces, when that is known of all. */
async function settled({ program }: Bot): Promise<Answer["stats"]> {
  for (let i = 0; i < 30; i++) {
    const { stats } = await program.ask({ kind: "end" });
    if (stats.queued === 0) return stats;
  }
  throw new Error("the ingest does not take what is sent");
}

async function startBots(world: World, key: string): Promise<Bot[]> {
  const code = {
    off: await bundle(new URL("bot/off.ts", import.meta.url), [{ of: TELEGRAF, is: UNTRACED }]),
    bare: await bundle(new URL("bot/bare.ts", import.meta.url), [{ of: TELEGRAF, is: UNTRACED }]),
    on: await bundle(new URL("bot/on.ts", import.meta.url)),
  };
  const started = async (name: Bot["name"], code: string, env: Record<string, string> = {}): Promise<Bot> => {
    const program: Bot["program"] = start(`the bot (${name})`, code, { cwd: ROOT, env: { ...world.env, ...env } });
    const { port } = await program.ask({ kind: "port" });
    return { name, program, port, rounds: [], sent: 0 };
  };
  return [
    await started("off", code.off),
    await started("bare", code.bare),
    await started("on", code.on, { INGEST_URL: world.ingest, INGEST_KEY: key }),
    await started("stalled", code.on, { INGEST_URL: world.stalled, INGEST_KEY: key, INGEST_STALLS: "1" }),
  ];
}

/** Users in all chats write to a bot, for so long. */
async function run(world: World, bot: Bot, chats: number, ms: number): Promise<Round> {
  const { program, port } = bot;
  await program.ask({ kind: "begin" });
  const callsBefore = world.calls;
  const began = performance.now();
  await Promise.all(Array.from({ length: chats }, async (_, chat) => {
    while (performance.now() < began + ms) {
      const body = JSON.stringify(world.update(chat));
      bot.sent++;
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      if (!answer.ok) throw new Error(`the bot answered ${answer.status}`);
      await answer.arrayBuffer();
    }
  }));
  const took = performance.now() - began;
  const answer = await program.ask({ kind: "end" });
  const count = answer.ms.length;
  if (world.refusals > 0) throw new Error(`Telegram has refused ${world.refusals} calls`);
  return {
    ms: answer.ms,
    rate: count / took * 1000,
    cpuMs: answer.cpuMs / count,
    loopMs: answer.loopMs,
    calls: (world.calls - callsBefore) / count,
  };
}

function* latencies(title: string, off: Bot, bare: Bot, on: Bot, stalled: Bot) {
  const all = (bot: Bot) => bot.rounds.flatMap(({ ms }) => ms);
  const [offMs, bareMs, onMs, stalledMs] = [all(off), all(bare), all(on), all(stalled)];
  const line = { case: title, unit: "ms" };
  yield { ...line, metric: "an update, p95, not traced", value: p95(offMs) };
  yield { ...line, metric: "added to it when traced", value: p95(onMs) - p95(offMs), bar: atMost(1) };
  yield { ...line, metric: "added to it by a bare AsyncLocalStorage", value: p95(bareMs) - p95(offMs) };
  const stalls = "added to it when traced and the ingest never answers";
  yield { ...line, metric: stalls, value: p95(stalledMs) - p95(offMs), bar: atMost(1) };
  yield { ...line, metric: "p50, traced, against not traced", value: median(onMs), against: median(offMs) };
  yield {
    ...line,
    metric: "p99, traced, against not traced",
    value: percentile(onMs, 0.99),
    against: percentile(offMs, 0.99),
  };
  const loop = (bot: Bot) => median(bot.rounds.map(({ loopMs }) => loopMs));
  yield { ...line, metric: "the event loop is late, p99, against not traced", value: loop(on), against: loop(off) };
  const calls = (bot: Bot) => median(bot.rounds.map(({ calls }) => calls));
  yield {
    ...line,
    metric: "calls to Telegram, an update, against not traced",
    unit: "",
    value: calls(on),
    against: calls(off),
  };
}
