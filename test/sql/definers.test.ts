// A caller with a schema of its own, full of things that are named like those that our functions use, and first in its
// search_path. Each raises EVIL0 when it is used, and must never be: public's functions run as their owner.
import type pg from "pg";
import { expect } from "vitest";
import { test } from "../_support/db.ts";
import { makeTrace } from "../_support/traces.ts";

const EVIL = "EVIL0";

/** Shadows what the bodies of our functions name: the functions and operators of pg_catalog, and our own relations. */
const SHADOWS = `
do $do$
declare
  v_body    constant text := 'begin raise exception sqlstate ''${EVIL}'' using message = ''used''; end';
  v_sources constant text := (
    select string_agg(prosrc, ' ') from pg_proc where pronamespace in ('tracegram'::regnamespace, 'public'::regnamespace));
  v_it      record;
  v_types   text;
begin
  for v_it in
    select p.proname as name, oidvectortypes(p.proargtypes) as args, format_type(p.prorettype, null) as result
    from pg_proc as p
    where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind in ('f', 'a') and not p.proretset
      and v_sources ~ ('\\m' || p.proname || '\\(')
  loop
    begin
      execute format('create function attacker.%I(%s) returns %s language plpgsql as %L', v_it.name, v_it.args, v_it.result, v_body);
    exception when invalid_function_definition or feature_not_supported or duplicate_function or datatype_mismatch then
      null; -- of a pseudo-type: nobody can make one of the same arguments
    end;
  end loop;

  for v_it in
    select o.oid, o.oprname as name, format_type(o.oprleft, null) as l, format_type(o.oprright, null) as r,
      format_type(o.oprresult, null) as result
    from pg_operator as o
    where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprkind = 'b' and strpos(v_sources, o.oprname) > 0
      and not exists (select from pg_type as t where t.oid in (o.oprleft, o.oprright) and t.typtype = 'p')
  loop
    execute format('create function attacker.op_%s(%s, %s) returns %s language plpgsql as %L',
      v_it.oid, v_it.l, v_it.r, v_it.result, v_body);
    execute format('create operator attacker.%s (leftarg = %s, rightarg = %s, function = attacker.op_%s)',
      v_it.name, v_it.l, v_it.r, v_it.oid);
  end loop;

  foreach v_types in array array[
    'ingest_keys', 'ingest_usage', 'pipeline_traces', 'trace_io', 'trace_steps', 'seen_updates', 'admins', 'admin_chats', 'pg_class', 'pg_proc'
  ] loop
    execute format('create temp table %I (mine int)', v_types);
    execute format('create table attacker.%I (mine int)', v_types);
  end loop;
end;
$do$`;

async function givenAttacker(db: pg.Client): Promise<void> {
  await db.query(`
    create function public.careless() returns timestamptz language sql security definer as 'select now() + ''1 hour''';
    create schema attacker authorization service_role;
    set local role service_role`);
}

/** What came of a call: its SQLSTATE, or its answer. The transaction goes on. */
async function outcome(db: pg.Client, sql: string, values: unknown[] = []): Promise<unknown> {
  await db.query("savepoint tried");
  try {
    const { rows } = await db.query(`select ${sql} as answer`, values);
    return rows[0].answer;
  } catch (error) {
    await db.query("rollback to savepoint tried");
    return (error as { code: string }).code;
  }
}

/** Every function of public with nulls. */
async function withNulls(db: pg.Client): Promise<string[]> {
  const { rows } = await db.query(
    `select format('public.%I(%s)', p.proname, (
       select string_agg('null::' || format_type(t, null), ', ' order by i)
       from unnest(p.proargtypes) with ordinality as a (t, i))) as call
     from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname <> 'careless' order by 1`,
  );
  return rows.map((row) => row.call);
}

/** The way of a trace and of a key, by all that the API offers. */
async function usual(db: pg.Client): Promise<unknown[]> {
  const trace = makeTrace({ status: "error", error: "boom", io: [{ step: 1, request: "hi" }] });
  const batch = JSON.stringify([trace]);
  // deno-lint-ignore no-explicit-any -- any answer of any function
  const call = (sql: string, ...values: unknown[]) => outcome(db, `public.${sql}`, values) as Promise<any>;
  const key = await call("create_ingest_key('mine')");
  return [
    await call("ingest_traces('tgk_wrong', $1)", batch),
    (await call("ingest_traces($1, $2)", key, batch)).stored,
    (await call("ingest_traces($1, $2)", key, batch)).duplicate,
    (await call("list_traces($1, 'from')", trace.trace_id)).traces?.[0].error,
    (await call("get_trace($1)", trace.trace_id)).steps?.[0].name,
    (await call("get_trace_io($1)", trace.trace_id))[0]?.request,
    (await call("list_ingest_keys()")).at(-1).traces,
    (await call("rotate_ingest_key('mine')")).length,
    await call("revoke_ingest_key('mine')"),
    await call("ingest_traces($1, $2)", key, batch),
    (await call("claim_update(7, 1, 1, 'private', 7, true)")).claim,
    await call("finish_update(7, true)"),
    (await call("claim_update(7, 1, 1, 'private', 7, true)")).claim,
  ];
}
const USUAL = ["TG001", 1, 1, "boom", "llm.generate", "hi", 2, 68, "", "TG001", "claimed", "", "done"];

test("shadowed functions, operators and tables change nothing that runs as its owner", async ({ db }) => {
  const calls = await withNulls(db);
  await givenAttacker(db);
  await db.query(SHADOWS);
  const { rows: [made] } = await db.query(`
    select
      (select count(*)::int from pg_catalog.pg_proc where pronamespace = 'attacker'::regnamespace) as functions,
      (select count(*)::int from pg_catalog.pg_operator where oprnamespace = 'attacker'::regnamespace) as operators`);
  expect(made.functions).toBeGreaterThan(300);
  expect(made.operators).toBeGreaterThan(200);
  await db.query("set local search_path = attacker, pg_temp, pg_catalog");

  // What does not take care finds them.
  expect(await outcome(db, "public.careless()")).toBe(EVIL);
  for (const call of calls) expect([call, await outcome(db, call)]).not.toEqual([call, EVIL]);
  expect(await usual(db)).toEqual(USUAL);
});

// An empty search_path would not do: Postgres then looks for a type's name in pg_temp first, so whoever can run DDL in the session
// would have a domain's check run as the owner.
test("a shadowed type changes nothing that runs as its owner", async ({ db }) => {
  const calls = await withNulls(db);
  await givenAttacker(db);
  await db.query(`create function attacker.evil() returns boolean language plpgsql as $$
    begin raise exception sqlstate '${EVIL}'; end $$`);
  for (const name of ["text", "json", "jsonb", "uuid", "timestamptz", "bytea"]) {
    await db.query(`create domain pg_temp.${name} as pg_catalog.${name} check (attacker.evil())`);
  }
  await db.query("set local search_path = pg_catalog, pg_temp"); // the caller's own words are not meant
  for (const call of calls) expect([call, await outcome(db, call)]).not.toEqual([call, EVIL]);
  expect(await usual(db)).toEqual(USUAL);
});
