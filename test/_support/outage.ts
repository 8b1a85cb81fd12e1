/** Parts of a stack going away, and coming back as they were. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Child, startChild, untilReady } from "../../scripts/stack/children.ts";
import { installPostgres, startCluster } from "../../scripts/stack/postgres.ts";
import { POSTGRES_DIR } from "../../scripts/stack/stack.ts";
import type { TestStack } from "./stack.ts";

/** What an outage returns: the part's return. Its new process is ended by {@link endStack}. */
export type Return = () => Promise<void>;

const returned = new WeakMap<TestStack, Child[]>();

/** Ends the stack, and with it the parts that have come back. */
export async function endStack(stack: TestStack | undefined): Promise<void> {
  if (!stack) return;
  for (const child of returned.get(stack) ?? []) await child.stop();
  await stack.end();
}

export async function stopPostgrest(stack: TestStack): Promise<Return> {
  const before = childOf(stack, "PostgREST");
  const env = environmentOf(before);
  const [program] = readFileSync(`/proc/${before.pid}/cmdline`, "utf8").split("\0");
  await before.stop();
  return async () => {
    const child = startChild({ name: before.name, command: [program!], env, log: before.log });
    keep(stack, child);
    await untilReady(child, async () => {
      const { ok } = await fetch(`http://127.0.0.1:${env["PGRST_ADMIN_SERVER_PORT"]}/ready`);
      if (!ok) throw new Error("not ready");
    });
  };
}

export async function stopPostgres(stack: TestStack): Promise<Return> {
  const before = childOf(stack, "Postgres");
  await before.stop();
  return async () => {
    const programs = await installPostgres(POSTGRES_DIR, () => {});
    const data = join(dirname(before.log), "../data");
    const port = Number(new URL(stack.info.db_url).port);
    keep(stack, (await startCluster(programs, { data, port, log: before.log })).child);
  };
}

/** The part as it runs now, which may not be the process that the stack started. */
export function childOf(stack: TestStack, name: string): Child {
  const child = [...stack.children, ...returned.get(stack) ?? []].findLast((c) => c.name === name && c.running());
  if (!child) throw new Error(`${name} does not run`);
  return child;
}

function keep(stack: TestStack, child: Child): void {
  returned.set(stack, [...returned.get(stack) ?? [], child]);
}

function environmentOf({ pid }: Child): Record<string, string> {
  const entries = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter((entry) => entry !== "");
  return Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2) as [string, string]));
}
