/**
 * How long does an admin wait for a screen, when there are a million traces?
 *
 * The real function in its own Deno, on the real PostgREST and Postgres, with thirty days of traces: from the moment an update
 * is posted to it to the moment its edit arrives at Telegram, whose stand-in answers at once; what the network adds is not
 * there. Each press is one of another message, or it would wait for one more press of the same. Then the function's process
 * is ended and started again before an update, with what it has compiled still on disk.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Action, encodeAction } from "../../functions/telegram/callback.ts";
import { edgeFunctions, type RunningFunction, startFunction } from "../stack/functions.ts";
import { startGateway } from "../stack/gateway.ts";
import { signKey } from "../stack/jwt.ts";
import { startPostgrest } from "../stack/postgrest.ts";
import { STACK_DIR } from "../stack/stack.ts";
import type { BenchCluster } from "./cluster.ts";
import type { Context } from "./context.ts";
import { DAY, parts, store } from "./data.ts";
import { atMost, median, p95 } from "./measure.ts";

const SIZES = {
  small: { traces: 20_000, rounds: 3, starts: 2 },
  full: { traces: 1_000_000, rounds: 100, starts: 10 },
};
const ADMIN = 1001;

export async function admin(context: Context): Promise<void> {
  const { traces, rounds, starts } = SIZES[context.size];
  const cluster = await context.clusters.start();
  await given(cluster, traces, (share) => context.progress(`${traces} traces`, share));
  const stack = await startStack(cluster);
  const of = (name: string) => `${name} of ${traces.toLocaleString("en")}`;
  try {
    const screens = Object.entries(await screensOf(cluster));
    // The first calls of the process and its connections are measured as cold starts below.
    for (const [, action] of screens) await stack.press(action);
    const times = new Map(screens.map(([name]) => [name, [] as number[]]));
    for (let round = 0; round < rounds; round++) {
      context.progress("screens", round / rounds);
      for (const [name, action] of screens) times.get(name)!.push(await stack.press(action));
    }
    for (const [name, ms] of times) {
      context.report({ case: of(name), metric: "p50 from update to edit", unit: "ms", value: median(ms) });
      context.report({
        case: of(name),
        metric: "p95 from update to edit",
        unit: "ms",
        value: p95(ms),
        bar: atMost(1000),
      });
    }
    await expectNoFailure(cluster);
    const cold: number[] = [];
    for (let i = 0; i < starts; i++) {
      context.progress("cold starts", i / starts);
      cold.push(await stack.coldPress({ screen: "home" }));
    }
    const measured = { case: of("home"), unit: "ms" };
    context.report({ ...measured, metric: "median from the start of the process to the edit", value: median(cold) });
    context.report({ ...measured, metric: "p95 from the start of the process to the edit", value: p95(cold) });
  } finally {
    await stack.stop();
    await cluster.drop();
  }
}

/** Thirty days of traces, folded but for what has come in the last seconds. */
async function given(cluster: BenchCluster, traces: number, progress: (share: number) => void): Promise<void> {
  const db = await cluster.connect();
  const now = Date.now();
  const all = parts({ from: now - 30 * DAY, to: now, traces, seed: 1 }, 20_000);
  for (const [i, part] of all.entries()) {
    await store(db, part);
    if (i < all.length - 1) await db.query("select tracegram.fold_batches()");
    progress(i / all.length);
  }
  await db.query("select tracegram.fold_batches()");
  await db.query("select tracegram.purge_rollups()");
  for (const table of ["pipeline_traces", "batches", "rollups", "error_rollups"]) {
    await db.query(`vacuum (analyze) tracegram.${table}`);
  }
}

/** A screen that could not be opened is quick, too. */
async function expectNoFailure(cluster: BenchCluster): Promise<void> {
  const db = await cluster.connect();
  const { rows } = await db.query(
    "select screen from tracegram.admin_responses where screen in ('failure', 'refusal')",
  );
  if (rows.length > 0) throw new Error(`${rows.length} screens could not be opened`);
}

async function screensOf(cluster: BenchCluster): Promise<Record<string, Action>> {
  const db = await cluster.connect();
  const { rows } = await db.query<{ trace_id: string }>(
    `select trace_id from tracegram.pipeline_traces where started_at > now() - interval '3 days' order by started_at limit 1`,
  );
  const { trace_id } = rows[0]!;
  // A long answer, of which a page is shown.
  await db.query(
    `insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
     select tracegram.trace_time($1), $1, 3, 60000, 60000, t.text, t.text
     from (select left(string_agg(md5(i::text), ' '), 60000) as text from generate_series(1, 2000) as i) as t`,
    [trace_id],
  );
  const back = { to: "home" } as const;
  return {
    home: { screen: "home" },
    traces: { screen: "traces" },
    "traces, a page of three days ago": { screen: "traces", cursor: { direction: "older", trace_id } },
    "traces, errors": { screen: "traces", change: { status: "error" } },
    "traces, slowest": { screen: "traces", change: { order: "slowest" } },
    "traces, dearest": { screen: "traces", change: { order: "dearest" } },
    trace: { screen: "trace", trace_id, back },
    "a step's I/O": { screen: "io", trace_id, step: 3, side: "response", page: 5, back },
    "errors, 24 h": { screen: "errors", hours: 24 },
    "errors, 30 d": { screen: "errors", hours: 720 },
    "stats, 1 h": { screen: "stats", hours: 1 },
    "stats, 30 d": { screen: "stats", hours: 720 },
    storage: { screen: "storage" },
    alerts: { screen: "alerts", all: false },
    settings: { screen: "settings" },
    "a trace's picture": { screen: "picture", of: "trace", trace_id, theme: "dark", back },
    "the chart of 24 h": { screen: "picture", of: "chart", theme: "light" },
  };
}

/** The function with all that it calls; `press` resolves to the milliseconds from its update to its edit. */
async function startStack(cluster: BenchCluster) {
  let arrived: (() => void) | undefined;
  const telegram = createServer((req, res) => {
    if (!req.url!.endsWith("/answerCallbackQuery")) arrived?.();
    req.resume().once("end", () => {
      res.writeHead(200, { "content-type": "application/json" }).end('{"ok":true,"result":true}');
    });
  });
  await new Promise<void>((resolve) => telegram.listen(0, "127.0.0.1", resolve));
  const jwtSecret = randomBytes(24).toString("base64url");
  const log = (name: string) => cluster.log.replace("postgres", name);
  const rest = await startPostgrest({ dbPort: cluster.port, jwtSecret, log: log("postgrest") });
  const gateway = await startGateway({ port: 0, restPort: rest.port, functions: new Map(), jwtSecret });
  const env = {
    SUPABASE_URL: `http://127.0.0.1:${gateway.port}`,
    SUPABASE_SERVICE_ROLE_KEY: signKey("service_role", jwtSecret),
    TELEGRAM_API_ROOT: `http://127.0.0.1:${(telegram.address() as AddressInfo).port}`,
    TELEGRAM_BOT_TOKEN: "123456:bench",
    TELEGRAM_WEBHOOK_SECRET: "bench",
    TELEGRAM_ADMIN_IDS: String(ADMIN),
  };
  const entry = edgeFunctions().find(({ name }) => name === "telegram")!;
  const start = () => startFunction(entry, env, { log: log("telegram"), cache: join(STACK_DIR, "deno") });
  let fn: RunningFunction = await start();
  let update_id = 0;

  async function press(action: Action, began = performance.now()): Promise<number> {
    let ms = 0;
    arrived = () => ms ||= performance.now() - began;
    const chat = { id: ADMIN, type: "private" };
    const message = { message_id: ++update_id, date: 0, chat, text: "x" };
    const callback_query = { id: "1", from: { id: ADMIN }, chat_instance: "1", data: encodeAction(action), message };
    const answer = await fetch(`http://127.0.0.1:${fn.port}/telegram`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-telegram-bot-api-secret-token": "bench" },
      body: JSON.stringify({ update_id, callback_query }),
    });
    if (!answer.ok || ms === 0) throw new Error(`${JSON.stringify(action)}: ${answer.status} ${await answer.text()}`);
    return ms;
  }

  return {
    press,
    async coldPress(action: Action) {
      await fn.child.stop();
      const began = performance.now();
      fn = await start();
      return await press(action, began);
    },
    async stop() {
      await fn.child.stop();
      await gateway.close();
      await rest.child.stop();
      telegram.closeAllConnections();
      telegram.close();
    },
  };
}
