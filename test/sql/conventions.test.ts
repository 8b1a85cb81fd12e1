// The house rules, asked of the catalogue. A new object that breaks one fails here by name.
import { expect } from "vitest";
import { SQLSTATES } from "../../functions/_shared/errors.ts";
import { test } from "../_support/db.ts";

// Our functions: all of tracegram's, and those of public that no extension brought.
const FUNCTIONS = `
  select p.oid::regprocedure::text as name, p.*, n.nspname
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('tracegram', 'public')
    and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`;
const TABLES = `
  select c.oid::regclass::text as name, c.*
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'tracegram' and c.relkind in ('r', 'p') and not c.relispartition`;
const COLUMNS = `
  select t.name || '.' || a.attname as name, a.*
  from (${TABLES}) t join pg_attribute a on a.attrelid = t.oid where a.attnum > 0 and not a.attisdropped`;

/** Each query names what breaks the rule. */
const RULES: Record<string, string> = {
  "every function pins search_path to ''":
    `select name from (${FUNCTIONS}) f where not coalesce(proconfig @> array['search_path=""'], false)`,
  "every function has a comment": `select name from (${FUNCTIONS}) f where obj_description(oid, 'pg_proc') is null`,
  "a function of tracegram is nobody's to call": `
    select name from (${FUNCTIONS}) f, unnest(array['anon', 'authenticated', 'service_role']) as role
    where nspname = 'tracegram' and has_function_privilege(role, oid, 'execute')`,
  "a function of public is service_role's, and ingest_traces anon's too": `
    select name from (${FUNCTIONS}) f
    where nspname = 'public' and (
      not has_function_privilege('service_role', oid, 'execute')
      or has_function_privilege('authenticated', oid, 'execute')
      or has_function_privilege('anon', oid, 'execute') <> (proname = 'ingest_traces'))`,
  "only a function that PostgREST calls runs as its owner":
    `select name from (${FUNCTIONS}) f where prosecdef <> (nspname = 'public')`,
  "every table has a comment and row level security":
    `select name from (${TABLES}) t where obj_description(oid, 'pg_class') is null or not relrowsecurity`,
  "every column has a comment": `select name from (${COLUMNS}) c where col_description(attrelid, attnum) is null`,
  "every *_at column is timestamptz":
    `select name from (${COLUMNS}) c where attname like '%\\_at' and atttypid <> 'timestamptz'::regtype`,
  "every *_ms column is a whole number":
    `select name from (${COLUMNS}) c where attname like '%\\_ms' and atttypid not in ('int4'::regtype, 'int8'::regtype)`,
  "every index that no constraint made says which query it serves": `
    select i.indexrelid::regclass::text as name
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = 'tracegram'::regnamespace and not c.relispartition
      and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
      and obj_description(i.indexrelid, 'pg_class') is null`,
  "every type has a comment": `
    select t.typname as name from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_class c on c.oid = t.typrelid
    where n.nspname = 'tracegram' and c.relkind = 'c' and obj_description(t.oid, 'pg_type') is null`,
};

for (const [rule, offenders] of Object.entries(RULES)) {
  test(rule, async ({ db }) => {
    expect((await db.query(offenders)).rows.map((row) => row.name)).toEqual([]);
  });
}

test("every SQLSTATE of ours that is raised is listed for the edge, and no other", async ({ db }) => {
  const { rows } = await db.query(
    `select distinct m[1] as code
     from (${FUNCTIONS}) f, regexp_matches(prosrc, 'sqlstate ''(TG\\d{3})''', 'g') as m order by 1`,
  );
  expect(rows.map((row) => row.code)).toEqual(Object.keys(SQLSTATES).sort());
});

test("the rules are asked of something", async ({ db }) => {
  const count = async (of: string) => (await db.query(`select count(*)::int as n from (${of}) x`)).rows[0].n;
  expect(await count(FUNCTIONS)).toBeGreaterThan(10);
  expect(await count(TABLES)).toBeGreaterThanOrEqual(5);
});
