/**
 * Postgres clusters that live as long as a benchmark: the local stack's, with the product deployed by the real
 * `supabase db push`, under `.stack/bench/`.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { pushMigrations } from "../stack/deploy.ts";
import { freePort } from "../stack/ports.ts";
import { type Cluster, initCluster, installPostgres, startCluster } from "../stack/postgres.ts";
import { isAlive, processId } from "../stack/processes.ts";
import { POSTGRES_DIR, STACK_DIR } from "../stack/stack.ts";

const DIR = join(STACK_DIR, "bench");
const DATA_SQL = new URL("data.sql", import.meta.url);

export interface BenchCluster {
  port: number;
  log: string;
  connect(role?: "postgres" | "supabase_admin"): Promise<pg.Client>;
  /** Writes these tables and their indexes to disk and out of the memory, as those are that nobody has used for long. */
  forget(...tables: string[]): Promise<void>;
  /** Stops it and deletes its data. */
  drop(): Promise<void>;
}

export interface Clusters {
  /**
   * Another one, deployed and empty, with an ingest key without a limit. pg_cron's jobs are there, and rest. The first one
   * is deployed: whoever asks for none needs no Postgres.
   */
  start(): Promise<BenchCluster>;
  /** The same in all that were started. */
  readonly key: string;
  /** Drops all, and this run's folder. */
  close(): Promise<void>;
}

export function openClusters(say: (message: string) => void): Clusters {
  let opening: Promise<Clusters> | undefined;
  let opened: Clusters | undefined;
  return {
    async start() {
      opened = await (opening ??= deployFirst(say));
      return await opened.start();
    },
    get key() {
      if (!opened) throw new Error("there is no key before there is a cluster");
      return opened.key;
    },
    close: async () => await opened?.close(),
  };
}

async function deployFirst(say: (message: string) => void): Promise<Clusters> {
  sweep();
  const { pid, startTick } = processId()!;
  const dir = join(DIR, `run-${pid}-${startTick}`);
  mkdirSync(dir, { recursive: true });
  const started = new Set<BenchCluster>();
  const close = async () => {
    for (const cluster of started) await cluster.drop();
    rmSync(dir, { recursive: true, force: true });
  };

  try {
    const programs = await installPostgres(POSTGRES_DIR, say);
    say("deploying");
    const template = join(dir, "0");
    await initCluster(programs, join(template, "data"), join(template, "postgres.log"));
    const run = async (folder: string): Promise<Cluster & { port: number; log: string }> => {
      const [port, log] = [await freePort(), join(folder, "postgres.log")];
      return { ...await startCluster(programs, { data: join(folder, "data"), port, log }), port, log };
    };
    const first = await run(template);
    const key = await deploy(first, dir).finally(() => first.child.stop());

    const start = async () => {
      const folder = join(dir, String(started.size + 1));
      // `cp -a` keeps the owner: as root, Postgres' data is not root's.
      execFileSync("cp", ["-a", template, folder]);
      const { child, client, port, log } = await run(folder);
      const open = new Set<pg.Client>();
      const cluster: BenchCluster = {
        port,
        log,
        async connect(role = "postgres") {
          const db = client(role);
          await db.connect();
          open.add(db);
          return db;
        },
        async forget(...tables) {
          const admin = await cluster.connect("supabase_admin");
          await admin.query("checkpoint");
          const { rows } = await admin.query<{ file: string }>(
            `select pg_relation_filepath(f) as file from unnest($1::regclass[]) as t
             cross join lateral (select t union all select indexrelid from pg_index where indrelid = t) as files (f)`,
            [tables],
          );
          await admin.end();
          execFileSync("sync", ["--file-system", folder]);
          for (const { file } of rows) forgetFile(join(folder, "data", file));
        },
        async drop() {
          for (const db of open) await db.end().catch(() => {});
          await child.stop();
          rmSync(folder, { recursive: true, force: true });
        },
      };
      started.add(cluster);
      return cluster;
    };
    return { start, key, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A table's file and what follows it: a gigabyte each. */
function forgetFile(first: string): void {
  for (let file = first, i = 1; existsSync(file); file = `${first}.${i++}`) {
    // Of nothing that is read, `nocache` drops what is cached of the whole file.
    execFileSync("dd", [`if=${file}`, "iflag=nocache", "count=0", "status=none"]);
  }
}

async function deploy({ client, port }: Cluster & { port: number }, dir: string): Promise<string> {
  const url = `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`;
  await pushMigrations(url, join(STACK_DIR, "supabase"), join(dir, "migrations.json"));
  const [db, admin] = [client("postgres"), client("supabase_admin")];
  await db.connect();
  await admin.connect();
  try {
    // A job that runs by itself would be measured with whatever runs at that moment.
    await admin.query("update cron.job set active = false");
    await db.query(readFileSync(DATA_SQL, "utf8"));
    const { rows } = await db.query("select public.create_ingest_key('benchmark') as key");
    await db.query("update tracegram.ingest_keys set traces_per_minute = 2147483647");
    return rows[0].key;
  } finally {
    await db.end();
    await admin.end();
  }
}

/** Removes what runs that were killed have left. */
function sweep(): void {
  mkdirSync(DIR, { recursive: true });
  for (const name of readdirSync(DIR)) {
    const [, pid, startTick] = /^run-(\d+)-(\d+)$/.exec(name) ?? [];
    if (pid && startTick && !isAlive({ pid: Number(pid), startTick })) {
      rmSync(join(DIR, name), { recursive: true, force: true });
    }
  }
}
