/**
 * The local stack: Postgres, PostgREST, the edge functions and a Telegram, behind the addresses that Supabase has.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { createTelegram, type Telegram, type TelegramOptions } from "../../functions/synthetic/telegram/telegram.ts";
import type { Child } from "./children.ts";
import { pushMigrations } from "./deploy.ts";
import { Failure } from "./failure.ts";
import { edgeFunctions, startFunction } from "./functions.ts";
import { startGateway } from "./gateway.ts";
import { signKey } from "./jwt.ts";
import { choosePort } from "./ports.ts";
import { type Cluster, initCluster, installPostgres, startCluster } from "./postgres.ts";
import { startPostgrest } from "./postgrest.ts";
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

/** The person who reads the bot's health on the local Telegram. */
export const LOCAL_ADMIN = { id: 1001, first_name: "Ada", username: "ada_admin" };

export interface StackOptions {
  /** Folder of this stack's data, secrets and logs. */
  dir: string;
  /** What is not set gets a local value. */
  env?: Settings;
  /** The folder is a copy of a stack that was deployed: there is nothing to push. */
  deployed?: boolean;
  /** Told what is happening, a line at a time. */
  say?: (message: string) => void;
  telegram?: Partial<TelegramOptions>;
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
    const programs = await installPostgres(POSTGRES_DIR, say);
    mkdirSync(dir, { recursive: true });
    rmSync(join(dir, "logs"), { recursive: true, force: true });
    const secrets = readSecrets(join(dir, "secrets.json"));
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
      await pushMigrations(dbUrl, join(STACK_DIR, "supabase"));
    }
    const ingestKey = await ensureIngestKey(cluster, join(dir, "ingest_key"));

    say("PostgREST, Telegram and the functions: starting …");
    const rest = await startPostgrest({ dbPort: ports.db, jwtSecret: secrets.jwt_secret, log: log("postgrest") });
    watch(rest.child);

    const adminBot = {
      token: env.TELEGRAM_BOT_TOKEN || secrets.admin_bot_token,
      username: env.TELEGRAM_BOT_USERNAME || "tracegram_admin_bot",
    };
    const telegram = createTelegram({
      // Seconds grow faster than one person's updates, over any number of restarts.
      firstUpdateId: Math.floor(Date.now() / 1000),
      ...options.telegram,
      bots: [
        { ...adminBot, first_name: "Tracegram" },
        { token: secrets.example_bot_token, username: "support_example_bot", first_name: "Acme Support" },
        ...options.telegram?.bots ?? [],
      ],
      users: [LOCAL_ADMIN, ...options.telegram?.users ?? []],
    });
    stops.push(() => telegram.close());
    // The first chat is the one that the page opens with.
    telegram.client.openChat(LOCAL_ADMIN.id, "tracegram_admin_bot");
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
    const wanted = edgeFunctions();
    const info: StackInfo = {
      api_url: apiUrl,
      db_url: dbUrl,
      anon_key: secrets.anon_key,
      service_role_key: secrets.service_role_key,
      ingest_key: ingestKey,
      functions: Object.fromEntries(wanted.map(({ name }) => [name, `${apiUrl}/functions/v1/${name}`])),
      webhook_secret: env.TELEGRAM_WEBHOOK_SECRET || secrets.webhook_secret,
      telegram_bot_token: adminBot.token,
      telegram_bot_username: adminBot.username,
      telegram_admin_ids: (env.TELEGRAM_ADMIN_IDS || String(LOCAL_ADMIN.id)).split(",").map(Number),
      telegram_api_root: env.TELEGRAM_API_ROOT || telegramServer.url,
      telegram_url: telegramServer.url,
      example_bot_token: secrets.example_bot_token,
    };
    const started = await Promise.allSettled(wanted.map(async (fn) => {
      const running = await startFunction(fn, functionEnv(info), {
        log: log(fn.name),
        cache: join(STACK_DIR, "deno"),
      });
      watch(running.child);
      functions.set(fn.name, running);
    }));
    for (const outcome of started) if (outcome.status === "rejected") throw outcome.reason;
    if (info.telegram_api_root === telegramServer.url) await setWebhook(info);
    return { info, telegram, children, client: cluster.client, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What hosted Supabase gives every function, and the product's own settings (`.env.example`). */
function functionEnv(info: StackInfo): Record<string, string> {
  return {
    SUPABASE_URL: info.api_url,
    SUPABASE_ANON_KEY: info.anon_key,
    SUPABASE_SERVICE_ROLE_KEY: info.service_role_key,
    SUPABASE_DB_URL: info.db_url,
    TELEGRAM_API_ROOT: info.telegram_api_root,
    TELEGRAM_BOT_TOKEN: info.telegram_bot_token,
    TELEGRAM_BOT_USERNAME: info.telegram_bot_username,
    TELEGRAM_WEBHOOK_SECRET: info.webhook_secret,
    TELEGRAM_ADMIN_IDS: info.telegram_admin_ids.join(","),
  };
}

async function setWebhook(info: StackInfo): Promise<void> {
  const answer = await fetch(`${info.telegram_api_root}/bot${info.telegram_bot_token}/setWebhook`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      url: info.functions["telegram"],
      secret_token: info.webhook_secret,
      allowed_updates: ["message", "callback_query"],
    }),
  });
  if (!answer.ok) throw new Error(`setWebhook failed: ${await answer.text()}`);
}

interface Secrets {
  jwt_secret: string;
  anon_key: string;
  service_role_key: string;
  webhook_secret: string;
  admin_bot_token: string;
  example_bot_token: string;
}

/** The secrets of this stack, made at its first start. */
function readSecrets(file: string): Secrets {
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Secrets;
  const random = () => randomBytes(24).toString("base64url");
  const jwt_secret = random();
  const secrets: Secrets = {
    jwt_secret,
    anon_key: signKey("anon", jwt_secret),
    service_role_key: signKey("service_role", jwt_secret),
    webhook_secret: random(),
    admin_bot_token: `7001:${random()}`,
    example_bot_token: `7002:${random()}`,
  };
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  return secrets;
}

/** The key that the example bot sends traces with. Only its hash is in the database, so it is kept in a file. */
async function ensureIngestKey(cluster: Cluster, file: string): Promise<string> {
  const db: pg.Client = cluster.client("postgres");
  await db.connect();
  try {
    const kept = existsSync(file) ? readFileSync(file, "utf8") : "";
    const { rows: [known] } = await db.query(
      "select from tracegram.ingest_keys where key_sha256 = sha256(convert_to($1, 'UTF8')) and revoked_at is null",
      [kept],
    );
    if (known) return kept;
    const { rows } = await db.query("select public.create_ingest_key($1) as key", [
      `local ${new Date().toISOString()}`,
    ]);
    writeFileSync(file, rows[0].key, { mode: 0o600 });
    return rows[0].key;
  } finally {
    await db.end();
  }
}
