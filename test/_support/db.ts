/**
 * `test` with a database: a cluster of the file's own, copied from the deployed template, and a transaction that is rolled
 * back after each test.
 */
import { join } from "node:path";
import type pg from "pg";
import { test as base } from "vitest";
import { installPostgres, startCluster } from "../../scripts/stack/postgres.ts";
import { POSTGRES_DIR } from "../../scripts/stack/stack.ts";
import { copyTemplate } from "./stack.ts";

export type Role = "anon" | "authenticated" | "service_role";

export const test = base
  // deno-lint-ignore no-empty-pattern -- vitest reads the fixtures that are asked for from the pattern
  .extend("cluster", { scope: "file" }, async ({}, { onCleanup }) => {
    const { dir, remove } = copyTemplate();
    const programs = await installPostgres(POSTGRES_DIR, () => {});
    const cluster = await startCluster(programs, { data: join(dir, "data"), port: 0, log: join(dir, "postgres.log") });
    onCleanup(async () => {
      await cluster.child.stop();
      remove();
    });
    return cluster;
  })
  .extend("db", async ({ cluster }, { onCleanup }) => {
    const db = cluster.client("postgres");
    await db.connect();
    await db.query("begin");
    onCleanup(async () => {
      await db.query("rollback");
      await db.end();
    });
    return db;
  });

/** Runs `fn` as an API role, the way PostgREST does. */
export async function as<T>(db: pg.Client, role: Role, fn: () => Promise<T>): Promise<T> {
  await db.query(`savepoint as_role; set local role ${role}`);
  try {
    return await fn();
  } catch (error) {
    await db.query("rollback to savepoint as_role");
    throw error;
  } finally {
    await db.query("reset role");
  }
}
