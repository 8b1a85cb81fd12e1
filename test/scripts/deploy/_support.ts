/** A hosted project to deploy to: its management API, Postgres, PostgREST, the uploaded functions; and a Telegram. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTelegram, type Telegram } from "../../../functions/synthetic/telegram/telegram.ts";
import { startGateway } from "../../../scripts/stack/gateway.ts";
import { signKey } from "../../../scripts/stack/jwt.ts";
import { freePort } from "../../../scripts/stack/ports.ts";
import { type Cluster, initCluster, installPostgres, startCluster } from "../../../scripts/stack/postgres.ts";
import { startPostgrest } from "../../../scripts/stack/postgrest.ts";
import { serve } from "../../../scripts/stack/serve.ts";
import { POSTGRES_DIR } from "../../../scripts/stack/stack.ts";
import { createManagement, type Management, type UploadedFunction } from "../../_support/management.ts";
import { copyTemplate } from "../../_support/stack.ts";
import { type RunningUpload, runUpload } from "../../_support/upload.ts";

const SCRIPT = fileURLToPath(new URL("../../../scripts/deploy.ts", import.meta.url));
const TSX = fileURLToPath(new URL("../../../node_modules/tsx/dist/loader.mjs", import.meta.url));

/** With what a pattern, a shell or a URL would trip over. */
export const HOSTILE_PASSWORD = "p$s'w(o\"r+d)%2F 🔑\\";
const REF = "abcdefghijklmnopqrst";
const ACCESS_TOKEN = `sbp_${"0123456789".repeat(4)}`;
const TOKEN = "7001:AAtest-token_of-the-deployment";
const JWT_SECRET = "a secret of this project alone, for its keys";

export interface Run {
  code: number;
  output: string;
}

export interface World {
  management: Management;
  telegram: Telegram;
  cluster: Cluster;
  /** The settings of a complete deployment. */
  env: Record<string, string>;
  /** Folder in which it runs, and in which its `.env` is. */
  cwd: string;
  secrets: string[];
  chat: string;
  functionUrl: (name: string) => string;
  /** While true, functions are not told what was set: as on a project whose secrets have gone. */
  forgetsSecrets: boolean;
  deploy(args?: string[], env?: Record<string, string | undefined>): Promise<Run>;
  start(args?: string[], env?: Record<string, string | undefined>): Starting;
  /** Command lines of what deployments of this world have started and not ended. */
  processes(): string[];
  end(): Promise<void>;
}

export interface Starting {
  ended: Promise<Run>;
  shows(pattern: RegExp): Promise<void>;
  interrupt(): void;
}

/** `deployed`: the migrations are there already. */
export async function startWorld({ deployed }: { deployed: boolean }): Promise<World> {
  const stops: (() => Promise<void> | void)[] = [];
  const end = async () => {
    for (let stop = stops.pop(); stop; stop = stops.pop()) await stop();
  };
  try {
    return await build(deployed, stops, end);
  } catch (error) {
    await end();
    throw error;
  }
}

async function build(
  deployed: boolean,
  stops: (() => Promise<void> | void)[],
  end: () => Promise<void>,
): Promise<World> {
  const dir = deployed ? template(stops) : emptyFolder(stops);
  const log = (name: string) => join(dir, `${name}.log`);
  const programs = await installPostgres(POSTGRES_DIR, () => {});
  if (!deployed) await initCluster(programs, join(dir, "data"), log("postgres"));
  const dbPort = await freePort();
  const cluster = await startCluster(programs, { data: join(dir, "data"), port: dbPort, log: log("postgres") });
  stops.push(() => cluster.child.stop());
  await setPassword(cluster);
  const rest = await startPostgrest({ dbPort, jwtSecret: JWT_SECRET, log: log("postgrest") });
  stops.push(() => rest.child.stop());

  const telegram = createTelegram({
    bots: [{ token: TOKEN, username: "my_admin_bot" }],
    users: [{ id: 1001, first_name: "Ada" }, { id: 1002, first_name: "Grace" }],
  });
  const telegramServer = await serve((request) => telegram.handle(request), { port: 0 });
  stops.push(() => telegram.close(), () => telegramServer.close());
  const chat = telegram.client.openChat(1001, "my_admin_bot").key;
  telegram.client.send({ chat, text: "/start" });

  const running = new Map<string, RunningUpload>();
  const hashes = new Map<string, string>();
  const gateway = await startGateway({ port: 0, restPort: rest.port, functions: running, jwtSecret: JWT_SECRET });
  stops.push(() => gateway.close());
  const projectUrl = `http://127.0.0.1:${gateway.port}`;
  const serviceRoleKey = signKey("service_role", JWT_SECRET);
  stops.push(async () => void await Promise.all([...running.values()].map((fn) => fn.stop())));

  const management = createManagement({ ref: REF, accessToken: ACCESS_TOKEN, serviceRoleKey, changed });
  async function changed(): Promise<void> {
    const env = {
      SUPABASE_URL: projectUrl,
      SUPABASE_ANON_KEY: signKey("anon", JWT_SECRET),
      SUPABASE_SERVICE_ROLE_KEY: serviceRoleKey,
      ...world.forgetsSecrets ? {} : Object.fromEntries(management.secrets),
    };
    await Promise.all([...management.functions.values()].map(async (fn) => {
      // What is the same runs on.
      const hash = hashOf(fn, env);
      if (hashes.get(fn.slug) === hash) return;
      const before = running.get(fn.slug);
      running.set(fn.slug, await runUpload(fn, env, log(fn.slug)));
      hashes.set(fn.slug, hash);
      await before?.stop();
    }));
  }
  const managementServer = await serve((request) => management.handle(request), { port: 0 });
  stops.push(() => managementServer.close());

  const cwd = emptyFolder(stops);
  const dbUrl = `postgresql://postgres:${
    encodeURIComponent(HOSTILE_PASSWORD)
  }@127.0.0.1:${dbPort}/postgres?sslmode=disable`;
  const env = {
    SUPABASE_PROJECT_REF: REF,
    SUPABASE_ACCESS_TOKEN: ACCESS_TOKEN,
    SUPABASE_API_URL: managementServer.url,
    SUPABASE_PROJECT_URL: projectUrl,
    SUPABASE_DB_URL: dbUrl,
    TELEGRAM_BOT_TOKEN: TOKEN,
    TELEGRAM_ADMIN_IDS: "1001",
    TELEGRAM_API_ROOT: telegramServer.url,
  };
  const tmp = emptyFolder(stops);
  const start: World["start"] = (args = [], over = {}) => startDeploy(args, { ...env, TMPDIR: tmp, ...over }, cwd);
  const world: World = {
    management,
    telegram,
    cluster,
    env,
    cwd,
    chat,
    secrets: [ACCESS_TOKEN, TOKEN, dbUrl, HOSTILE_PASSWORD, encodeURIComponent(HOSTILE_PASSWORD), serviceRoleKey],
    functionUrl: (name) => `${projectUrl}/functions/v1/${name}`,
    forgetsSecrets: false,
    start,
    async deploy(args, over) {
      const run = await start(args, over).ended;
      const left = readdirSync(tmp).filter((name) => name.startsWith("tracegram-"));
      if (left.length > 0) throw new Error(`left behind: ${left}`);
      return run;
    },
    processes: () => processesWith(`TMPDIR=${tmp}\0`, `HOME=${tmp}/`),
    end,
  };
  return world;
}

function startDeploy(args: string[], env: Record<string, string | undefined>, cwd: string): Starting {
  const child = spawn(process.execPath, ["--import", TSX, SCRIPT, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<Run>((resolve) => {
    child.once("close", (code, signal) => resolve({ code: code ?? (signal ? 128 : -1), output }));
  });
  return {
    ended,
    interrupt: () => void child.kill("SIGINT"),
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => pattern.test(output) && resolve();
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without ${pattern}:\n${output}`)));
      }),
  };
}

function hashOf(fn: UploadedFunction, env: Record<string, string>): string {
  const hash = createHash("sha256").update(JSON.stringify([env, fn.entrypointPath, fn.importMapPath]));
  for (const [path, content] of fn.files) hash.update(path).update(content);
  return hash.digest("hex");
}

/** By their environment: the CLI has a home of its own in the folder of the deployment. */
function processesWith(...variables: string[]): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      if (!variables.some((variable) => environment.includes(variable))) return [];
      return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
    } catch {
      return []; // it has ended meanwhile, or is another user's
    }
  });
}

async function setPassword(cluster: Cluster): Promise<void> {
  const db = cluster.client("supabase_admin");
  await db.connect();
  await db.query(`alter role postgres password ${db.escapeLiteral(HOSTILE_PASSWORD)}`).finally(() => db.end());
}

function template(stops: (() => void)[]): string {
  const { dir, remove } = copyTemplate();
  stops.push(remove);
  return dir;
}

function emptyFolder(stops: (() => void)[]): string {
  const dir = mkdtempSync(join(tmpdir(), "deploy-test-"));
  stops.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
