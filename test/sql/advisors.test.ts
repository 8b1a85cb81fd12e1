// What the real `supabase db lint` and `supabase db advisors` say about a database that was just deployed.
import { join } from "node:path";
import { expect, test as base } from "vitest";
import { supabase } from "../../scripts/stack/deploy.ts";
import { freePort } from "../../scripts/stack/ports.ts";
import { installPostgres, startCluster } from "../../scripts/stack/postgres.ts";
import { POSTGRES_DIR, STACK_DIR } from "../../scripts/stack/stack.ts";
import { copyTemplate } from "../_support/stack.ts";

/** `test` with a cluster of its own that the CLI can reach: over TCP, and committed. */
const test = base
  // deno-lint-ignore no-empty-pattern -- vitest reads the fixtures that are asked for from the pattern
  .extend("deployed", async ({}, { onCleanup }) => {
    const { dir, remove } = copyTemplate();
    const port = await freePort();
    const programs = await installPostgres(POSTGRES_DIR, () => {});
    const cluster = await startCluster(programs, { data: join(dir, "data"), port, log: join(dir, "postgres.log") });
    onCleanup(async () => {
      await cluster.child.stop();
      remove();
    });
    const url = `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`;
    return {
      sql: async (text: string) => {
        const db = cluster.client("postgres");
        await db.connect();
        await db.query(text).finally(() => db.end());
      },
      /** The exit code, and the findings. */
      cli: async (...args: string[]) => {
        const home = join(STACK_DIR, "supabase");
        const { code, stdout, stderr } = await supabase(["db", ...args], url, home);
        return { code, findings: stdout.trim().startsWith("[") ? JSON.parse(stdout) : [], said: stdout + stderr };
      },
    };
  });

interface Linted {
  function: string;
  issues: { message: string }[];
}
interface Advice {
  name: string;
  detail: string;
}

const LINT = ["lint", "--level", "warning", "--fail-on", "warning"];
const ADVISORS = ["advisors", "--type", "all", "--level"];

test("db lint has nothing to say about our functions", async ({ deployed }) => {
  const ours = await deployed.cli(...LINT, "--schema", "tracegram,public");
  expect(ours).toMatchObject({ code: 0, findings: [], said: expect.stringContaining("No schema errors found") });
  expect(ours.said).toMatch(/Linting schema: tracegram[\s\S]*Linting schema: public/);

  // In all schemas there is pg_partman too, which calls what is not installed. That it is found shows that lint looks.
  const all = await deployed.cli(...LINT);
  expect(all.code).toBe(1);
  const schemas = all.findings.map((finding: Linted) => finding.function.split(".")[0]);
  expect([...new Set(schemas)]).toEqual(["partman"]);

  await deployed.sql(`
    create function tracegram.wrong() returns int language plpgsql set search_path = '' as
    $$ begin return (select missing from tracegram.ingest_keys); end $$;
    create function tracegram.untidy() returns int language plpgsql set search_path = '' as
    $$ declare v_unused int; begin return 1; end $$`);
  const then = await deployed.cli(...LINT, "--schema", "tracegram,public");
  expect(then.code).toBe(1);
  const found = then.findings.flatMap((f: Linted) => f.issues.map(({ message }) => `${f.function}: ${message}`));
  expect(found.sort()).toEqual([
    'tracegram.untidy: unused variable "v_unused"',
    'tracegram.wrong: column "missing" does not exist',
  ]);
});

test("db advisors have nothing to say about our schema, at any level", async ({ deployed }) => {
  expect(await deployed.cli(...ADVISORS, "warn", "--fail-on", "info")).toMatchObject({
    code: 0,
    findings: [],
    said: expect.stringContaining("No issues found"),
  });
  // Nobody has used a database that is seconds old, so no index that is not a key has been used either.
  const findings: Advice[] = (await deployed.cli(...ADVISORS, "info")).findings;
  expect(findings.filter(({ name }) => name !== "unused_index")).toEqual([]);

  await deployed.sql(`
    create function tracegram.careless() returns int language sql as 'select 1';
    create table public.careless (id int primary key);
    create table tracegram.keyless (id int);
    alter table tracegram.keyless enable row level security`);
  const then = await deployed.cli(...ADVISORS, "info", "--fail-on", "error");
  expect(then.code).toBe(1);
  const named = (then.findings as Advice[]).filter(({ name }) => name !== "unused_index");
  expect(named.map(({ name, detail }) => `${name}: ${/`([^`]+)`/.exec(detail)?.[1]}`).sort()).toEqual([
    "function_search_path_mutable: tracegram.careless",
    "no_primary_key: tracegram.keyless",
    "rls_disabled_in_public: public.careless",
    "rls_enabled_no_policy: tracegram.keyless",
  ]);
});
