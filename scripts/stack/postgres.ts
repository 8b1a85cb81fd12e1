/**
 * Postgres 17 with pg_cron, pg_partman 5 and pgTAP, as hosted Supabase runs it.
 *
 * The programs are Debian trixie's and bring their own C library, so they run on an older Debian as well.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { appendFile, chmod, open, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { type Child, startChild, untilReady } from "./children.ts";
import { installDebs } from "./debs.ts";
import { demotion } from "./demotion.ts";
import { Failure } from "./failure.ts";

const run = promisify(execFile);
const BOOTSTRAP = new URL("bootstrap.sql", import.meta.url);

// Named one by one: what the packages "depend" on beyond these (perl, python, systemd, llvm) is not needed to run a server.
const PACKAGES = `
  postgresql-17 postgresql-client-17 postgresql-17-cron postgresql-17-partman postgresql-17-pgtap postgresql-17-plpgsql-check
  libc6 libgcc-s1 libstdc++6 libicu76 libssl3t64 libzstd1 liblz4-1 zlib1g libxml2 liblzma5 libxslt1.1 libuuid1
  libpq5 libldap2 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1
  libpam0g libaudit1 libcap-ng0 libcap2 libselinux1 libpcre2-8-0 libsystemd0 libgcrypt20 libgpg-error0
  libreadline8t64 libtinfo6 libxxhash0`.trim().split(/\s+/);

/** Installs Postgres under `dir` unless it is there. Resolves to the folder of its programs. */
export async function installPostgres(dir: string, say: (message: string) => void): Promise<string> {
  return programs(
    await installDebs(dir, {
      title: "Postgres 17",
      packages: PACKAGES,
      from: { exactly: "trixie" },
      finish: makeRunnable,
      works: canRun,
    }, say),
  );
}

const programs = (root: string) => join(root, "usr/lib/postgresql/17/bin");

function canRun(root: string): Promise<boolean> {
  const runs = ["postgres", "initdb"].map((program) => run(join(programs(root), program), ["-V"]));
  return Promise.all(runs).then(() => true, () => false);
}

/** Puts a wrapper before each program that runs it through its own release's loader, wherever the folder is moved. */
async function makeRunnable(root: string): Promise<void> {
  const bin = programs(root);
  for (const name of await readdir(bin)) {
    const path = join(bin, name);
    if (!await isElf(path)) continue;
    await rename(path, `${path}.real`);
    await writeFile(
      path,
      `#!/bin/sh
bin=$(dirname "$(readlink -f "$0")")
lib=$bin/../../../../lib/x86_64-linux-gnu
exec "$lib/ld-linux-x86-64.so.2" --argv0 "$bin/${name}" --library-path "$lib:$bin/../../../x86_64-linux-gnu" "$bin/${name}.real" "$@"
`,
    );
    await chmod(path, 0o755);
  }
  // On hosted Supabase `postgres` may create this extension; `supabase db lint` needs it.
  await appendFile(join(root, "usr/share/postgresql/17/extension/plpgsql_check.control"), "trusted = true\n");
}

async function isElf(path: string): Promise<boolean> {
  const file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0).finally(() => file.close());
  return buffer.toString("latin1") === "\x7fELF";
}

/** Makes a cluster in `data` with hosted Supabase's roles, unless there is a complete one. */
export async function initCluster(bin: string, data: string, log: string): Promise<void> {
  if (existsSync(join(data, "PG_VERSION"))) return;
  const work = `${data}.partial`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  const { privileges, prefix, own } = demotion();
  own(work);
  await run("setpriv", [
    ...privileges,
    "--",
    ...prefix,
    join(bin, "initdb"),
    `--pgdata=${work}`,
    "--username=supabase_admin",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=icu",
    "--icu-locale=en-US",
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--wal-segsize=4",
    "--no-sync",
  ], { env: { PATH: process.env["PATH"], LC_ALL: "C" } });

  const cluster = await startCluster(bin, { data: work, port: 0, log });
  try {
    const admin = cluster.client("supabase_admin");
    await admin.connect();
    await admin.query(await readFile(BOOTSTRAP, "utf8")).finally(() => admin.end());
  } finally {
    await cluster.child.stop();
  }
  await rename(work, data);
}

export interface Cluster {
  child: Child;
  /** A client over the socket, where every role is trusted. Not connected yet. */
  client(role: "postgres" | "supabase_admin" | "service_role" | "anon" | "authenticated"): pg.Client;
}

/** Starts the cluster in `data`. Port 0: no TCP, only the socket. */
export async function startCluster(
  bin: string,
  { data, port, log }: { data: string; port: number; log: string },
): Promise<Cluster> {
  const { privileges, prefix, own } = demotion();
  const socket = socketDir(data);
  mkdirSync(socket, { recursive: true, mode: 0o700 });
  own(socket);

  const settings = {
    port: String(port || 5432),
    listen_addresses: port ? "127.0.0.1" : "",
    unix_socket_directories: socket,
    shared_preload_libraries: "pg_stat_statements,pg_cron",
    "cron.database_name": "postgres",
    // Otherwise each job remembers the host and port that it was scheduled on, and fails when either has changed.
    "cron.use_background_workers": "on",
    max_connections: "60",
    wal_level: "minimal",
    max_wal_senders: "0",
    // `UTC` is read from the host's tzdata, which a minimal system may lack; `GMT` is built in.
    timezone: existsSync("/usr/share/zoneinfo/UTC") ? "UTC" : "GMT",
    log_timezone: "GMT",
    jit: "off",
    // A playground: what is committed survives a crash of any program, but not of the machine.
    fsync: "off",
    full_page_writes: "off",
  };
  const child = startChild({
    name: "Postgres",
    command: [
      ...prefix,
      join(bin, "postgres"),
      ...["-D", data],
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    env: { LC_ALL: "C" },
    log,
    stopSignal: "SIGINT", // a fast shutdown: sessions are ended, data is written
    privileges,
  });

  const client: Cluster["client"] = (user) =>
    new pg.Client({ host: socket, port: port || 5432, user, database: "postgres" });
  await untilReady(child, async () => {
    const probe = client("supabase_admin");
    try {
      await probe.connect();
    } finally {
      await probe.end().catch(() => {});
    }
  }).catch((error: unknown) => {
    if (!child.running()) throw startFailure(error, port);
    return child.stop().then(() => Promise.reject(error));
  });
  return { child, client };
}

function startFailure(error: unknown, port: number): unknown {
  const text = String(error);
  if (/could not bind|Address already in use/.test(text)) {
    return new Failure(`Port ${port} is in use.`, "Set STACK_DB_PORT to a free port, or leave it unset.", error);
  }
  if (/lock file "postmaster.pid" already exists/.test(text)) {
    return new Failure(
      "Another Postgres serves this data already.",
      "Run `npm run stack -- down` and try again.",
      error,
    );
  }
  return error;
}

/** Next to the data; in the temporary folder where that path is too long for a socket (107 bytes). */
function socketDir(data: string): string {
  const beside = join(data, "..", "socket");
  if (Buffer.byteLength(beside) < 80) return beside;
  return join(tmpdir(), `tracegram-${createHash("sha256").update(data).digest("hex").slice(0, 12)}`);
}
