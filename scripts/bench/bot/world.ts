/**
 * What the example bot works with: Telegram, an LLM and a database of orders, each with the same latency all the time; the
 * real ingest function with its PostgREST and Postgres, low in priority, since in a real installation they are on another
 * machine; and an ingest that takes what it is sent and never answers.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { createTelegram } from "../../../functions/synthetic/telegram/telegram.ts";
import { edgeFunctions, startFunction } from "../../stack/functions.ts";
import { signKey } from "../../stack/jwt.ts";
import { freePort } from "../../stack/ports.ts";
import { startPostgrest } from "../../stack/postgrest.ts";
import { serve } from "../../stack/serve.ts";
import { STACK_DIR } from "../../stack/stack.ts";
import type { BenchCluster } from "../cluster.ts";
import { bundle, start } from "../tracer/process.ts";

const BOT = { token: "1:bench", username: "bench_bot", first_name: "Bench" };
const FIRST_USER = 1_000;
const UNLIMITED = { count: Infinity, ms: 1_000 };

export interface World {
  /** Environment of a bot. */
  env: Record<string, string>;
  /** Address of the ingest function, and of one that never answers. */
  ingest: string;
  stalled: string;
  /** Milliseconds that Telegram, the LLM and the orders take from now on. */
  latency: { telegram: number; llm: number; orders: number };
  /** Calls to Telegram so far. */
  calls: number;
  /** Calls that Telegram has refused. */
  refusals: number;
  /** An update that a user in this chat sends. */
  update(chat: number): object;
  close(): Promise<void>;
}

/** @param chats How many there may be. */
export async function startWorld(cluster: BenchCluster, chats: number): Promise<World> {
  const stops: (() => Promise<unknown> | void)[] = [];
  const latency = { telegram: 0, llm: 0, orders: 0 };
  const telegram = createTelegram({
    bots: [BOT],
    users: Array.from({ length: chats }, (_, i) => ({ id: FIRST_USER + i, first_name: `User ${i}` })),
    limits: { chat: UNLIMITED, bot: UNLIMITED },
  });
  for (let i = 0; i < chats; i++) {
    const { key } = telegram.client.openChat(FIRST_USER + i, BOT.username);
    // Or else the bot might not write to them.
    telegram.client.send({ chat: key, text: "/start" });
  }
  const telegramServer = await serve(async (request) => {
    world.calls++;
    const response = await telegram.handle(request);
    // 400: an edit that changes nothing.
    if (!response.ok && response.status !== 400) world.refusals++;
    await sleep(latency.telegram);
    return response;
  }, { port: 0 });
  const provider = await serve(async (request) => {
    if (new URL(request.url).pathname === "/orders") {
      await sleep(latency.orders);
      return Response.json([{ item: "coffee grinder", status: "shipped" }]);
    }
    const { messages } = await request.json() as { messages: { content: string }[] };
    await sleep(latency.llm);
    return Response.json(completion(messages[0]!.content));
  }, { port: 0 });
  stops.push(() => telegram.close(), telegramServer.close, provider.close);

  const hole = createServer(() => {});
  await new Promise<void>((resolve) => void hole.listen(0, "127.0.0.1", resolve));
  stops.push(() => void hole.close());
  const ingest = await startIngest(cluster, stops);

  let updates = 0;
  const world: World = {
    env: { TELEGRAM_URL: telegramServer.url, PROVIDER_URL: provider.url, BOT_TOKEN: BOT.token },
    ingest,
    stalled: `http://127.0.0.1:${(hole.address() as AddressInfo).port}/ingest`,
    latency,
    calls: 0,
    refusals: 0,
    update(chat) {
      const user = { id: FIRST_USER + chat, is_bot: false, first_name: `User ${chat}` };
      const message = { message_id: ++updates, date: Math.floor(Date.now() / 1000), from: user };
      const text = "Hello, where is my order? It was to arrive last Friday.";
      return { update_id: updates, message: { ...message, chat: { ...user, type: "private" }, text } };
    },
    async close() {
      for (const stop of stops.reverse()) await stop();
    },
  };
  return world;
}

/** The function behind a gateway, as in the local stack. */
async function startIngest(cluster: BenchCluster, stops: (() => Promise<unknown> | void)[]): Promise<string> {
  const jwtSecret = randomBytes(24).toString("base64url");
  const log = (name: string) => cluster.log.replace("postgres", name);
  const rest = await startPostgrest({ dbPort: cluster.port, jwtSecret, log: log("postgrest") });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const ingest = await startFunction(
    edgeFunctions().find(({ name }) => name === "ingest")!,
    { SUPABASE_URL: url, SUPABASE_ANON_KEY: signKey("anon", jwtSecret) },
    { log: log("ingest"), cache: join(STACK_DIR, "deno") },
  );
  const gateway = start<object, object>("the gateway", await bundle(new URL("gateway.ts", import.meta.url)), {
    cwd: STACK_DIR,
    env: {
      PORT: String(port),
      REST_PORT: String(rest.port),
      FUNCTIONS: JSON.stringify([["ingest", { port: ingest.port, verifyJwt: ingest.verifyJwt }]]),
      JWT_SECRET: jwtSecret,
    },
  });
  await gateway.ask({});
  const postmaster = readFileSync(join(dirname(cluster.log), "data/postmaster.pid"), "utf8").split("\n")[0]!;
  for (const pid of [postmaster, rest.child.pid, ingest.child.pid]) {
    execFileSync("renice", ["-n", "10", "-p", String(pid)], { stdio: "ignore" });
  }
  stops.push(() => rest.child.stop(), () => ingest.child.stop(), () => gateway.stop());
  return `${url}/functions/v1/ingest`;
}

/** An OpenAI-compatible answer to the example bot's tasks. */
const completion = (task: string) => ({
  model: "stand-in",
  choices: [{ message: { role: "assistant", content: task.includes("Check") ? "ok" : "Tomorrow, before 18:00." } }],
  usage: { prompt_tokens: 120, completion_tokens: 40, cost: 0.0001 },
});

const sleep = (ms: number) => ms > 0 ? new Promise<void>((resolve) => setTimeout(resolve, ms)) : undefined;
