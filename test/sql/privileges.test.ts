// What the API roles can reach: tried, not only looked up. Partitions inherit no grants, so each is tried as well.
import { expect } from "vitest";
import { as, test } from "../_support/db.ts";

const ROLES = ["anon", "authenticated", "service_role"] as const;
const REFUSED = "42501";

test.for(ROLES)("%s reads and writes no table, partition or view", async (role, { db }) => {
  const { rows } = await db.query(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('tracegram', 'partman', 'cron') and c.relkind in ('r', 'p', 'v', 'm')`,
  );
  expect(rows.length).toBeGreaterThan(30);
  for (const { name } of rows) {
    for (
      const sql of [
        `select from ${name}`,
        `insert into ${name} default values`,
        `delete from ${name}`,
        `truncate ${name}`,
      ]
    ) {
      await expect(as(db, role, () => db.query(sql)), `${role}: ${sql}`).rejects.toMatchObject({ code: REFUSED });
    }
  }
});

test.for(["anon", "authenticated"] as const)("%s calls no function but ingest_traces", async (role, { db }) => {
  // Whatever an API role can name: functions in schemas that it may enter, less what Postgres and Supabase bring along.
  const { rows } = await db.query(
    `select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where has_schema_privilege($1, n.oid, 'usage') and has_function_privilege($1, p.oid, 'execute')
       and n.nspname not in ('pg_catalog', 'information_schema', 'extensions')`,
    [role],
  );
  expect(rows.map((row) => row.name)).toEqual(role === "anon" ? ["ingest_traces(text,json)"] : []);
});

test.for(["anon", "authenticated"] as const)("%s is refused when it tries", async (role, { db }) => {
  const calls = [
    "public.list_traces()",
    "public.get_trace(gen_random_uuid())",
    "public.get_trace_io(gen_random_uuid())",
    "public.create_ingest_key('mine')",
    "public.claim_update(1)",
    "public.finish_update(1, true)",
    "tracegram.purge()",
    "tracegram.store_traces(1::smallint, '[]', now())",
    "partman.run_maintenance()",
    "cron.schedule('x', '* * * * *', 'select 1')",
  ];
  for (const call of calls) {
    await expect(as(db, role, () => db.query(`select ${call}`)), call).rejects.toMatchObject({ code: REFUSED });
  }
});

test("a key is stored as its hash alone, and shown to nobody else", async ({ db }) => {
  const { rows: [{ key }] } = await db.query("select public.create_ingest_key('mine') as key");
  expect(key).toMatch(/^tgk_[0-9a-f]{64}$/);
  const { rows } = await db.query("select k::text as row from tracegram.ingest_keys as k");
  expect(JSON.stringify(rows)).not.toContain(key.slice(4));
});
