/**
 * The local stack: Postgres, PostgREST, the edge functions and a Telegram, behind the addresses that Supabase has.
 *
 * @module
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTelegram, type Telegram, type TelegramOptions } from "../../functions/synthetic/telegram/telegram.ts";
import { adminBot, functionEnv, LOCAL_ADMIN, setAlertUrl, setWebhook } from "./admin_bot.ts";
import type { Child } from "./children.ts";
import { pushMigrations } from "./deploy.ts";
import { Failure } from "./failure.ts";
import { edgeFunctions, startFunction } from "./functions.ts";
import { startGateway } from "./gateway.ts";
import { startNet } from "./net.ts";
import { choosePort } from "./ports.ts";
import { type Cluster, initCluster, installPostgres, startCluster } from "./postgres.ts";
import { startPostgrest } from "./postgrest.ts";
import { ensureIngestKey, readSecrets } from "./secrets.ts";
import { serve } from "./serve.ts";
import type { Settings } from "./settings.ts";

/** Everything that is downloaded, made or running locally is below this folder. */
export const STACK_DIR = fileURLToPath(new URL("../../.stack/", import.meta.url));
export const POSTGRES_DIR = join(STACK_DIR, "postgres-17");

/**
 * Folder of the stack that `npm run stack` and `npm run demo` mean. With `STACK_NAME` set it is another one beside it.
 *
 * @throws {Failure} when the name could be a path.
 */
export function stackDir(name = process.env["STACK_NAME"]): string {
  if (!name) return join(STACK_DIR, "local");
  if (/^[\w-]{1,40}$/.test(name)) return join(STACK_DIR, `local-${name}`);
  throw new Failure(`STACK_NAME=${name} is not a name.`, "Use letters, digits, - and _, or leave it unset.");
}

export interface StackOptions {
  /** Folder of this stack's data, secrets and logs. */
  dir: string;
  /** What is not set gets a local value. */
  env?: Settings;
  /** The folder is a copy of a stack that was deployed: there is nothing to push. */
  deployed?: boolean;
  /** Admins are told of alerts. Left out in tests, whose chats hold what the tests have asked for. */
  alerts?: boolean;
  /** Told what is happening, a line at a time. */
  say?: (message: string) => void;
  telegram?: Partial<TelegramOptions>;
  /** How many isolates each function has, by name; requests go to them in turn. None: it is not deployed. Default: 1. */
  isolates?: Readonly<Record<string, number>>;
}

/** What a script needs to use the stack. Printed by `npm run stack -- status --json`. */
export interface StackInfo {
  api_url: string;
  /** As `postgres`, the role that runs migrations. */
  db_url: string;
  anon_key: string;
  service_role_key: string;
  ingest_key: string;
  /** Address of each edge function by its name. */
  functions: Record<string, string>;
  /** Telegram sends it with each update; whoever posts to the telegram function must send it too. */
  webhook_secret: string;
  telegram_bot_token: string;
  telegram_bot_username: string;
  telegram_admin_ids: number[];
  /** The Bot API that the telegram function calls. */
  telegram_api_root: string;
  /** The local Telegram: a page to chat in, and its Bot API. */
  telegram_url: string;
  /** Token of the example bot on the local Telegram. */
  example_bot_token: string;
}

export interface Stack {
  info: StackInfo;
  telegram: Telegram;
  children: readonly Child[];
  /** A client that is trusted as any role. Not connected yet. */
  client: Cluster["client"];
  /** Ends everything, the last started first. */
  stop(): Promise<void>;
}

/** Brings the stack up. When a part fails, what had started is stopped again. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dir, env = {}, say = () => {} } = options;
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (let next = stops.pop(); next; next = stops.pop()) await next();
  };
  const log = (name: string) => join(dir, "logs", `${name}.log`);
  const children: Child[] = [];
  const watch = (child: Child) => {
    children.push(child);
    stops.push(() => child.stop());
  };

  try {
    mkdirSync(dir, { recursive: true });
    rmSync(join(dir, "logs"), { recursive: true, force: true });
    const secrets = readSecrets(join(dir, "secrets.json"));
    const admin = adminBot(env, secrets);
    const programs = await installPostgres(POSTGRES_DIR, say);
    const ports = {
      api: await choosePort("api", env),
      db: await choosePort("db", env),
      telegram: await choosePort("telegram", env),
    };

    say("Postgres: starting …");
    await initCluster(programs, join(dir, "data"), log("postgres"));
    const cluster = await startCluster(programs, { data: join(dir, "data"), port: ports.db, log: log("postgres") });
    watch(cluster.child);
    const dbUrl = `postgresql://postgres:postgres@127.0.0.1:${ports.db}/postgres`;

    if (!options.deployed) {
      say("supabase db push …");
      await pushMigrations(dbUrl, join(STACK_DIR, "supabase"), join(dir, "migrations.json"));
    }
    const net = startNet(() => cluster.client("supabase_admin"));
    stops.push(() => net.stop());
    const ingestKey = await ensureIngestKey(cluster, join(dir, "ingest_key"));

    say("PostgREST, Telegram and the functions: starting …");
    const rest = await startPostgrest({ dbPort: ports.db, jwtSecret: secrets.jwt_secret, log: log("postgrest") });
    watch(rest.child);

    const telegram = createTelegram({
      // Seconds grow faster than one person's updates, over any number of restarts.
      firstUpdateId: Math.floor(Date.now() / 1000),
      ...options.telegram,
      bots: [
        { token: admin.token, username: admin.username, first_name: "Tracegram" },
        { token: secrets.example_bot_token, username: "support_example_bot", first_name: "Acme Support" },
        ...options.telegram?.bots ?? [],
      ],
      users: [LOCAL_ADMIN, ...options.telegram?.users ?? []],
    });
    stops.push(() => telegram.close());
    // The first chat is the one that the page opens with.
    telegram.client.openChat(LOCAL_ADMIN.id, admin.username);
    const telegramServer = await serve((request) => telegram.handle(request), { port: ports.telegram });
    stops.push(() => telegramServer.close());

    const functions = new Map<string, { port: number; verifyJwt: boolean }>();
    const gateway = await startGateway({
      port: ports.api,
      restPort: rest.port,
      functions,
      jwtSecret: secrets.jwt_secret,
    });
    stops.push(() => gateway.close());

    const apiUrl = `http://127.0.0.1:${ports.api}`;
    const isolates = (name: string) => options.isolates?.[name] ?? 1;
    const wanted = edgeFunctions().filter(({ name }) => isolates(name) > 0);
    const info: StackInfo = {
      api_url: apiUrl,
      db_url: dbUrl,
      anon_key: secrets.anon_key,
      service_role_key: secrets.service_role_key,
      ingest_key: ingestKey,
      functions: Object.fromEntries(wanted.map(({ name }) => [name, `${apiUrl}/functions/v1/${name}`])),
      webhook_secret: admin.webhookSecret,
      telegram_bot_token: admin.token,
      telegram_bot_username: admin.username,
      telegram_admin_ids: admin.adminIds,
      telegram_api_root: env.TELEGRAM_API_ROOT || telegramServer.url,
      telegram_url: telegramServer.url,
      example_bot_token: secrets.example_bot_token,
    };
    const started = await Promise.allSettled(wanted.map(async (fn) => {
      const ports: number[] = [];
      for (let i = 0; i < isolates(fn.name); i++) {
        const running = await startFunction(fn, functionEnv(info, env), {
          log: log(i === 0 ? fn.name : `${fn.name}-${i + 1}`),
          cache: join(STACK_DIR, "deno"),
        });
        watch(running.child);
        ports.push(running.port);
      }
      let turn = 0;
      const { verifyJwt } = fn;
      functions.set(fn.name, {
        verifyJwt,
        get port() {
          return ports[turn++ % ports.length]!;
        },
      });
    }));
    for (const outcome of started) if (outcome.status === "rejected") throw outcome.reason;
    if (info.telegram_api_root === telegramServer.url) await setWebhook(info);
    if (options.alerts) await setAlertUrl(info);
    return { info, telegram, children, client: cluster.client, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
