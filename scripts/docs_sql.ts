/**
 * npm run docs:sql: writes sql/README.md from the catalogue of a database that is deployed for it.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { readCatalogue } from "./docs_sql/catalogue.ts";
import { renderPage } from "./docs_sql/page.ts";
import { pushMigrations } from "./stack/deploy.ts";
import { Failure } from "./stack/failure.ts";
import { freePort } from "./stack/ports.ts";
import { initCluster, installPostgres, startCluster } from "./stack/postgres.ts";
import { POSTGRES_DIR, STACK_DIR } from "./stack/stack.ts";

const HELP = `sql/README.md, written from the catalogue: the comments in sql/ are what it says.

  npm run docs:sql                  write it
  npm run docs:sql -- --check       only compare; exit code 1 when it is stale

Either deploys supabase/migrations/ to a Postgres of its own and removes that again, which takes some seconds.`;

const PAGE = new URL("../sql/README.md", import.meta.url);

/** What sql/README.md should be for the database of this client. */
export const describeDatabase = async (db: pg.Client): Promise<string> => renderPage(await readCatalogue(db));

/** @throws {Failure} when sql/README.md is another. */
export function checkPage(wanted: string): void {
  let page = "";
  try {
    page = readFileSync(PAGE, "utf8");
  } catch {
    // there is none yet
  }
  if (page !== wanted) throw new Failure("sql/README.md does not say what sql/ says.", "Run `npm run docs:sql`.");
}

/** Runs `fn` on a database that is deployed anew. */
async function withDeployed<T>(fn: (db: pg.Client) => Promise<T>): Promise<T> {
  mkdirSync(STACK_DIR, { recursive: true });
  const programs = await installPostgres(POSTGRES_DIR, (line) => console.error(line));
  const dir = mkdtempSync(join(STACK_DIR, "docs-"));
  try {
    const [data, log, port] = [join(dir, "data"), join(dir, "postgres.log"), await freePort()];
    await initCluster(programs, data, log);
    const { child, client } = await startCluster(programs, { data, port, log });
    try {
      const url = `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`;
      await pushMigrations(url, join(STACK_DIR, "supabase"), join(dir, "migrations.json"));
      const db = client("postgres");
      await db.connect();
      return await fn(db).finally(() => db.end());
    } finally {
      await child.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function main(args: string[]): Promise<void> {
  if (args.some((arg) => ["--help", "-h", "help"].includes(arg))) return console.log(HELP);
  const unknown = args.filter((arg) => arg !== "--check");
  if (unknown.length > 0) {
    console.error(`Unknown: ${unknown.join(" ")}\n\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  try {
    const wanted = await withDeployed(describeDatabase);
    if (args.includes("--check")) checkPage(wanted);
    else writeFileSync(PAGE, wanted);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`${error.message}\n${error.todo}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
