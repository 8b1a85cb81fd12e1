/**
 * Before any test: Postgres is installed, and one stack is deployed with the real `supabase db push`. Test files work on copies
 * of it, for pg_cron allows one database a cluster.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { readMigration } from "../../scripts/migration.ts";
import { isAlive, processId } from "../../scripts/stack/processes.ts";
import { STACK_DIR, startStack } from "../../scripts/stack/stack.ts";

const DIR = join(STACK_DIR, "test");
const BOOTSTRAP = new URL("../../scripts/stack/bootstrap.sql", import.meta.url);

export default async function setup(project: TestProject): Promise<() => void> {
  const hash = createHash("sha256").update(readMigration()).update(readFileSync(BOOTSTRAP)).digest("hex").slice(0, 12);
  // Made anew each day, or it would run out of partitions.
  const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const template = join(DIR, `template_${hash}_${today}`);
  mkdirSync(DIR, { recursive: true });
  for (const name of readdirSync(DIR)) {
    // Left behind by runs that were killed, and templates of other days or migrations. Another run may be going on.
    const [, pid, startTick] = /-(\d+)-(\d+)$/.exec(name) ?? [];
    const inUse = pid && startTick ? isAlive({ pid: Number(pid), startTick }) : join(DIR, name) === template;
    if (!inUse) rmSync(join(DIR, name), { recursive: true, force: true });
  }
  const { pid, startTick } = processId()!;
  const run = join(DIR, `run-${pid}-${startTick}`);
  mkdirSync(run);
  if (!existsSync(template)) {
    const stack = await startStack({ dir: join(run, "template"), env: ANY_PORTS, say: (line) => console.log(line) });
    await stack.stop();
    // Of two runs that made one, the first to be done keeps it.
    if (!existsSync(template)) renameSync(join(run, "template"), template);
  }
  project.provide("template", template);
  project.provide("copies", run);
  return () => rmSync(run, { recursive: true, force: true });
}

export const ANY_PORTS = { STACK_API_PORT: "0", STACK_DB_PORT: "0", STACK_TELEGRAM_PORT: "0" };

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of a stack that is deployed and stopped. */
    template: string;
    /** Folder for copies of it. */
    copies: string;
  }
}
