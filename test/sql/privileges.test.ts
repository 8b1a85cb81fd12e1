// What the API roles can reach: every object that the catalogue holds is really tried by every role.
import type pg from "pg";
import { expect } from "vitest";
import { type Role, test } from "../_support/db.ts";

const ROLES = ["anon", "authenticated", "service_role"] as const;

/** Who may call what. A new function of public fails here until it is added; whatever is not here is nobody's. */
const CALLERS: Record<string, Role[]> = {
  "public.admin_change_rule(bigint, text, jsonb)": ["service_role"],
  "public.admin_change_settings(bigint, jsonb, integer)": ["service_role"],
  "public.admin_export_io(bigint, uuid, integer)": ["service_role"],
  "public.admin_note_export(bigint, jsonb)": ["service_role"],
  "public.admin_trace_io(bigint, uuid, integer, text, integer, integer, integer)": ["service_role"],
  "public.alert_act(bigint, bigint, text)": ["service_role"],
  "public.alert_of_message(bigint, bigint)": ["service_role"],
  "public.allow_chat(bigint, bigint, boolean)": ["service_role"],
  "public.ask_synthetic_run(bigint, jsonb)": ["service_role"],
  "public.beat_synthetic_run(uuid, text, text)": ["service_role"],
  "public.begin_llm_call(uuid, text, integer, integer, jsonb)": ["service_role"],
  "public.change_alert_rule(text, jsonb)": ["service_role"],
  "public.change_settings(jsonb)": ["service_role"],
  "public.claim_alert_messages(bigint, bigint[])": ["service_role"],
  "public.claim_run_message(uuid)": ["service_role"],
  "public.claim_update(bigint, bigint, bigint, text, bigint, boolean, boolean, jsonb)": ["service_role"],
  "public.confirm_synthetic_run(bigint, uuid, bigint)": ["service_role"],
  "public.count_refusals(jsonb)": ["service_role"],
  "public.create_ingest_key(text)": ["service_role"],
  "public.define_steps(jsonb)": ["service_role"],
  "public.enter_synthetic_run(uuid, text)": ["service_role"],
  "public.error_groups(timestamp with time zone, timestamp with time zone)": ["service_role"],
  "public.find_trace(text)": ["service_role"],
  "public.finish_alert_message(bigint, bigint, text, integer, bigint, text, integer, integer)": ["service_role"],
  "public.finish_run_message(uuid, bigint, integer)": ["service_role"],
  "public.finish_scenario(uuid, text, integer, integer, jsonb)": ["service_role"],
  "public.finish_update(bigint, boolean, jsonb, boolean)": ["service_role"],
  "public.get_alert(bigint)": ["service_role"],
  "public.get_settings()": ["service_role"],
  "public.get_synthetic_run(uuid)": ["service_role"],
  "public.get_trace(uuid)": ["service_role"],
  "public.get_trace_io(uuid, integer)": ["service_role"],
  "public.ingest_traces(text, json)": ["anon", "service_role"],
  "public.list_admins()": ["service_role"],
  "public.list_alerts(boolean, integer, bigint)": ["service_role"],
  "public.list_audit(bigint, bigint, integer)": ["service_role"],
  "public.list_ingest_keys()": ["service_role"],
  "public.list_traces(uuid, text, integer, timestamp with time zone, timestamp with time zone, text, text, text, bigint, bigint, integer, text, text)":
    ["service_role"],
  "public.list_view(jsonb, text, jsonb, uuid, text, integer)": ["service_role"],
  "public.overview()": ["service_role"],
  "public.refuse_action(bigint, text, text, jsonb)": ["service_role"],
  "public.register_scenarios(jsonb)": ["service_role"],
  "public.release_lane(bigint)": ["service_role"],
  "public.revoke_ingest_key(text)": ["service_role"],
  "public.rotate_ingest_key(text, interval)": ["service_role"],
  "public.set_admin(bigint, bigint, text, boolean)": ["service_role"],
  "public.settle_llm_call(uuid, text, bigint, jsonb)": ["service_role"],
  "public.stop_synthetic_run(bigint, uuid)": ["service_role"],
  "public.store_synthetic_traces(uuid, text, jsonb)": ["service_role"],
  "public.synthetic_overview()": ["service_role"],
  "public.synthetic_recordings(uuid, bigint)": ["service_role"],
  "public.take_lane(bigint)": ["service_role"],
  "public.take_scenario(uuid, text, text)": ["service_role"],
  "public.trace_gaps(timestamp with time zone, timestamp with time zone)": ["service_role"],
  "public.trace_of_message(bigint, bigint, timestamp with time zone)": ["service_role"],
  "public.trace_series(timestamp with time zone, timestamp with time zone, integer)": ["service_role"],
  "public.trace_stats(timestamp with time zone, timestamp with time zone)": ["service_role"],
  "public.trace_storage()": ["service_role"],
};
const SCHEMAS = ["tracegram", "public", "partman", "cron"];

interface Tried {
  /** The object that a statement is about. */
  name: string;
  sql: string;
}

/** What each kind of relation is tried with. A statement names a column where it must. */
const STATEMENTS: Record<string, (name: string, column: string) => string[]> = {
  table: (name, column) => [
    `select from ${name}`,
    `insert into ${name} default values`,
    `update ${name} set ${column} = default`,
    `delete from ${name}`,
    `truncate ${name}`,
    `lock ${name}`,
  ],
  view: (name) => [`select from ${name}`],
  sequence: (name) => [`select from ${name}`, `select nextval('${name}')`, `select setval('${name}', 1)`],
};

async function relations(db: pg.Client, schemas: string[]): Promise<Tried[]> {
  const { rows } = await db.query(
    `select format('%I.%I', n.nspname, c.relname) as name, quote_ident(a.attname) as column,
       case c.relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'view' else 'table' end as kind
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     left join lateral (select attname from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped limit 1) a
       on true
     where n.nspname = any ($1) and c.relkind not in ('i', 'I', 'c', 't')`,
    [schemas],
  );
  return rows.flatMap(({ name, column, kind }) => STATEMENTS[kind]!(name, column).map((sql) => ({ name, sql })));
}

async function functions(db: pg.Client, schemas: string[]): Promise<Tried[]> {
  const { rows } = await db.query(
    `select format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as name,
       format(case p.prokind when 'p' then 'call %I.%I(%s)' else 'select %I.%I(%s)' end, n.nspname, p.proname, (
         -- A strict function of a null that is known to be one is not even called, and nobody asked whether it may be.
         select string_agg(format(case p.prokind when 'p' then 'null::%s' else '(select null::%s)' end,
           format_type(t, null)), ', ' order by i)
         from unnest(p.proargtypes) with ordinality as a (t, i))) as sql
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = any ($1)`,
    [schemas],
  );
  return rows;
}

async function types(db: pg.Client, schemas: string[]): Promise<Tried[]> {
  const { rows } = await db.query(
    `select format_type(t.oid, null) as name, 'select null::' || format_type(t.oid, null) as sql
     from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = any ($1)`,
    [schemas],
  );
  return rows;
}

/** The statements that `role` was not denied, and what came of them. Nothing of it lasts. */
async function notDenied(db: pg.Client, role: Role, tried: Tried[]): Promise<Map<string, string>> {
  const through = new Map<string, string>();
  await db.query(`set local role ${role}; savepoint tried`);
  for (const { name, sql } of tried) {
    const outcome = await db.query(sql).then(() => "done", (error) => `${error.code} ${error.message}`);
    await db.query("rollback to savepoint tried");
    // By its message too: row level security has the same SQLSTATE.
    if (!outcome.startsWith("42501 permission denied for ")) through.set(name, `${sql}: ${outcome}`);
  }
  await db.query("reset role");
  return through;
}

test.for(ROLES)("%s reads, writes, empties and locks no table, partition, view or sequence", async (role, { db }) => {
  const tried = await relations(db, SCHEMAS);
  const names = tried.map(({ name }) => name).join();
  for (const kind of ["ingest_keys", "pipeline_traces_p2", "trace_steps", "key_id_seq", "part_config", "cron.job,"]) {
    expect(names).toContain(kind);
  }
  expect([...(await notDenied(db, role, tried)).values()]).toEqual([]);
});

test.for(ROLES)("%s calls exactly the functions that are meant for it", async (role, { db }) => {
  const tried = await functions(db, SCHEMAS);
  expect(tried.length).toBeGreaterThan(50);
  const mine = Object.keys(CALLERS).filter((name) => CALLERS[name]!.includes(role));
  expect([...(await notDenied(db, role, tried)).keys()].sort()).toEqual(mine);
});

test("the list of callers names every function of public, and nothing else", async ({ db }) => {
  expect((await functions(db, ["public"])).map(({ name }) => name).sort()).toEqual(Object.keys(CALLERS));
});

test.for(ROLES)("%s uses no type", async (role, { db }) => {
  const tried = await types(db, ["tracegram", "partman", "cron"]);
  expect(tried.map(({ name }) => name)).toContain("tracegram.trace_step");
  expect([...(await notDenied(db, role, tried)).values()]).toEqual([]);
});

test.for(ROLES)("%s makes nothing in any schema", async (role, { db }) => {
  const tried = SCHEMAS.flatMap((schema) => [
    { name: schema, sql: `create table ${schema}.mine ()` },
    { name: schema, sql: `create function ${schema}.mine() returns int language sql as 'select 1'` },
    { name: schema, sql: `create type ${schema}.mine as enum ()` },
  ]);
  tried.push({ name: "database", sql: "create schema mine" });
  expect([...(await notDenied(db, role, tried)).values()]).toEqual([]);
});

test.for(ROLES)("%s becomes no other role", async (role, { db }) => {
  const { rows } = await db.query(
    "select rolname from pg_roles where rolname <> $1 and pg_has_role($1, oid, 'member')",
    [role],
  );
  expect(rows).toEqual([]);
});

// The schema is one wall. Behind it, the objects hold no privileges either.
test.for(ROLES)("%s would reach nothing even if it could enter the schema", async (role, { db }) => {
  await db.query(`grant usage on schema tracegram to ${role}`);
  const tried = [...await relations(db, ["tracegram"]), ...await functions(db, ["tracegram"])];
  expect([...(await notDenied(db, role, tried)).values()]).toEqual([]);
});

test("nobody but their owner holds a privilege on what is ours, of any kind", async ({ db }) => {
  const { rows } = await db.query(
    `with objects as (
       select oid::regnamespace::text as name, nspowner as owner, nspacl as acl from pg_namespace where nspname = 'tracegram'
       union all
       select c.oid::regclass::text, c.relowner, c.relacl from pg_class c where c.relnamespace = 'tracegram'::regnamespace
       union all
       select format('%s.%s', a.attrelid::regclass, a.attname), c.relowner, a.attacl
       from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = 'tracegram'::regnamespace
       union all
       select p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
       from pg_proc p where p.pronamespace = 'tracegram'::regnamespace
     )
     select name, case grantee when 0 then 'public' else grantee::regrole::text end as grantee, privilege_type
     from objects, aclexplode(acl) where grantee <> owner`,
  );
  expect(rows).toEqual([]);
});

test("a new table of public would be seen, were it forgotten here", async ({ db }) => {
  await db.query("create table public.forgotten (id int)");
  for (const role of ROLES) {
    const through = await notDenied(db, role, await relations(db, ["public"]));
    expect([...through.keys()]).toEqual(["public.forgotten"]);
  }
});
