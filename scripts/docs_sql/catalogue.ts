/** What the catalogue says about our schema. Children of a partitioned table are left out: they come and go by the day. */
import type pg from "pg";

export interface Column {
  name: string;
  type: string;
  nullable: boolean;
  comment: string | null;
}

export interface Relation {
  name: string;
  comment: string | null;
  /** Such as `range (started_at)`. */
  partitioned: string | null;
  columns: Column[];
  indexes: { name: string; definition: string; comment: string | null }[];
}

export interface Fn {
  schema: string;
  name: string;
  /** `p_name text`, `p_limit integer default 10`, … */
  args: string[];
  result: string;
  comment: string | null;
  /** Roles that may execute it, the owner left out. */
  callers: string[];
}

export interface Job {
  name: string;
  schedule: string;
  command: string;
}

export interface Catalogue {
  functions: Fn[];
  tables: Relation[];
  views: Relation[];
  types: Relation[];
  jobs: Job[];
}

/** @param db A client whose search_path does not hold our schemas' objects under a bare name. */
export async function readCatalogue(db: pg.Client): Promise<Catalogue> {
  await db.query("set search_path = ''");
  return {
    functions: await readFunctions(db),
    tables: await readRelations(db, ["r", "p"]),
    views: await readRelations(db, ["v", "m"]),
    types: await readRelations(db, ["c"]),
    jobs: (await db.query('select jobname as name, schedule, command from cron.job order by jobname collate "C"')).rows,
  };
}

async function readFunctions(db: pg.Client): Promise<Fn[]> {
  const { rows } = await db.query(`
    select
      n.nspname as schema, p.proname as name, pg_catalog.obj_description(p.oid, 'pg_proc') as comment,
      case p.prokind when 'p' then '' else pg_catalog.pg_get_function_result(p.oid) end as result,
      array(
        select pg_catalog.concat_ws(' ', p.proargnames[a.i], pg_catalog.format_type(a.type, null),
          'default ' || pg_catalog.pg_get_function_arg_default(p.oid, a.i::int))
        from pg_catalog.unnest(p.proargtypes) with ordinality as a (type, i)
        order by a.i
      ) as args,
      array(
        select case x.grantee when 0 then 'everybody' else x.grantee::regrole::text end collate "C"
        from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as x
        where x.grantee <> p.proowner
        order by 1
      ) as callers
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('public', 'tracegram')
      and not exists (select from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
    order by p.proname collate "C", p.oid::regprocedure::text collate "C"`);
  return rows.map((row) => ({ ...row, args: row.args.map(shortType), result: shortType(row.result) }));
}

async function readRelations(db: pg.Client, kinds: string[]): Promise<Relation[]> {
  const { rows } = await db.query(
    `select
       c.relname as name,
       case c.relkind
         when 'c' then pg_catalog.obj_description(c.reltype, 'pg_type')
         else pg_catalog.obj_description(c.oid, 'pg_class')
       end as comment,
       case c.relkind when 'p' then pg_catalog.pg_get_partkeydef(c.oid) end as partitioned,
       (
         select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
           'name', a.attname,
           'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
           'nullable', not a.attnotnull,
           'comment', pg_catalog.col_description(c.oid, a.attnum)
         ) order by a.attnum), '[]')
         from pg_catalog.pg_attribute as a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       ) as columns,
       (
         select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
           'name', ic.relname,
           'definition', coalesce(pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.pg_get_indexdef(i.indexrelid)),
           'comment', pg_catalog.obj_description(i.indexrelid, 'pg_class')
         ) order by not i.indisprimary, ic.relname collate "C"), '[]')
         from pg_catalog.pg_index as i
         join pg_catalog.pg_class as ic on ic.oid = i.indexrelid
         left join pg_catalog.pg_constraint as k on k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
         where i.indrelid = c.oid
       ) as indexes
     from pg_catalog.pg_class as c
     where c.relnamespace = 'tracegram'::regnamespace and c.relkind = any ($1) and not c.relispartition
     order by c.relname collate "C"`,
    [kinds],
  );
  return rows.map((row) => ({
    ...row,
    partitioned: row.partitioned?.toLowerCase() ?? null,
    columns: (row.columns as Column[]).map((column) => ({ ...column, type: shortType(column.type) })),
    indexes: (row.indexes as Relation["indexes"]).map((index) => ({
      ...index,
      definition: shortIndex(index.definition),
    })),
  }));
}

/** As people write it: `timestamptz(3)`, and no cast where the literal says it all. */
const shortType = (sql: string) =>
  sql
    .replace(/timestamp(\(\d\))? with time zone/g, "timestamptz$1")
    .replace(/(NULL|'[^']*')::[a-z]+/g, "$1")
    .replace(/\bNULL\b/g, "null")
    .replace(/\bSETOF\b/g, "setof")
    .replace(/\bTABLE\(/g, "table(");

/** `create index` of its table goes without saying. */
const shortIndex = (definition: string) =>
  definition
    .replace(/^CREATE (UNIQUE )?INDEX \S+ ON (ONLY )?\S+ USING /, (_, unique = "") => unique.toLowerCase())
    .replace(/^(PRIMARY KEY|UNIQUE)/, (words) => words.toLowerCase())
    .replace(/\b(WHERE|INCLUDE|DESC|ASC|NULLS|FIRST|LAST|AND|OR|IS|NOT|NULL)\b/g, (word) => word.toLowerCase());
