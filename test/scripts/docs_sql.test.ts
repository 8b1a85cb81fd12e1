import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type pg from "pg";
import { describe, expect } from "vitest";
import { checkPage, describeDatabase } from "../../scripts/docs_sql.ts";
import { test } from "../_support/db.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STALE = { message: "sql/README.md does not say what sql/ says.", todo: "Run `npm run docs:sql`." };

test("sql/README.md says what the catalogue says", async ({ db }) => {
  checkPage(await describeDatabase(db));
});

describe("sql/README.md is stale when", () => {
  test.for([
    ["the comment of a function of public changes", "comment on function public.get_trace(uuid) is 'Another.'"],
    ["the comment of an internal function changes", "comment on function tracegram.purge(timestamptz) is 'Another.'"],
    ["the comment of a table changes", "comment on table tracegram.trace_io is 'Another.'"],
    ["the comment of a column changes", "comment on column tracegram.trace_io.step is 'Another.'"],
    ["the comment of an index changes", "comment on index tracegram.trace_io_started_at_brin is 'Another.'"],
    ["the comment of a view changes", "comment on view tracegram.trace_steps is 'Another.'"],
    ["the comment of a type changes", "comment on type tracegram.wire_io is 'Another.'"],
    ["the comment of a type's attribute changes", "comment on column tracegram.trace_step.parent is 'Another.'"],
    ["a table gets a column", "alter table tracegram.seen_updates add more text"],
    ["a column takes no null any more", "alter table tracegram.seen_updates alter handled_at set not null"],
    ["there is one more table", "create table tracegram.more ()"],
    ["a function is granted to another role", "grant execute on function public.get_trace(uuid) to anon"],
    ["a function is for everybody", "grant execute on function public.get_trace(uuid) to public"],
    ["a job runs at another time", "select cron.schedule('tracegram-purge', '38 * * * *', 'select tracegram.purge()')"],
  ])("%s", async ([, change], { db }) => {
    await db.query(change!);
    const page = await describeDatabase(db);
    expect(() => checkPage(page)).toThrow(expect.objectContaining(STALE));
  });
});

test("a day's partition changes nothing", async ({ db }) => {
  const before = await describeDatabase(db);
  await db.query("select partman.create_partition_time('tracegram.trace_io', array['2020-01-01'::timestamptz])");
  expect((await db.query("select to_regclass('tracegram.trace_io_p20200101') as made")).rows[0].made).not.toBeNull();
  expect(await describeDatabase(db)).toBe(before);
});

test("every object of ours is there by name, with its comment", async ({ db }) => {
  const page = await describeDatabase(db);
  const missing = (await objects(db)).filter(({ name, summary }) =>
    !page.includes(`### ${name}\n`) && !page.includes(`\`${name}(`) && !page.includes(`\`${name}\``) ||
    !page.replace(/\s+/g, " ").includes(summary.replace(/\s+/g, " "))
  );
  expect(missing).toEqual([]);
});

async function objects(db: pg.Client): Promise<{ name: string; summary: string }[]> {
  const { rows } = await db.query(
    `select p.proname as name, split_part(obj_description(p.oid, 'pg_proc'), E'\\n', 1) as summary
     from pg_proc p where p.pronamespace in ('public'::regnamespace, 'tracegram'::regnamespace)
     union all
     select t.typname, coalesce(obj_description(t.typrelid, 'pg_class'), obj_description(t.oid, 'pg_type'))
     from pg_type t left join pg_class c on c.oid = t.typrelid
     where t.typnamespace = 'tracegram'::regnamespace and t.typelem = 0 and not coalesce(c.relispartition, false)
     union all
     select j.jobname, j.command from cron.job j`,
  );
  expect(rows.length).toBeGreaterThan(30);
  return rows;
}

test("is wrapped for an editor, but for what cannot be", async ({ db }) => {
  const page = (await describeDatabase(db)).replace(/```[\s\S]*?```/g, "").split("\n");
  // Rows of tables, and signatures that are alone on their line.
  const whole = /^\||^ *`[^`]*`$/;
  expect(page.filter((line) => line.length > 120 && !whole.test(line))).toEqual([]);
  expect(page.filter((line) => /\s$/.test(line))).toEqual([]);
});

test("the command explains itself, and refuses what it does not know", async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ["--import", "tsx", "scripts/docs_sql.ts", ...args], { cwd: ROOT });
  expect((await run("--help")).stdout).toContain("npm run docs:sql -- --check");
  await expect(run("--chekc")).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("Unknown: --chekc") });
});
