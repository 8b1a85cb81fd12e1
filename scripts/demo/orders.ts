/**
 * The example shop's orders: a table of the bot's own, as any bot on Supabase has, read through PostgREST.
 *
 * @module
 */
import pg from "pg";
import type { StackInfo } from "../stack/stack.ts";

const SCHEMA = `
  create table if not exists public.example_orders (
    order_id    bigint generated always as identity primary key,
    customer_id bigint not null,
    item        text not null,
    status      text not null
  );
  alter table public.example_orders enable row level security;
  revoke all on public.example_orders from anon, authenticated;
  grant select on public.example_orders to service_role;
  truncate public.example_orders;
  insert into public.example_orders (customer_id, item, status)
  select customer, item, status
  from pg_catalog.unnest($1::bigint[]) as customer,
    (values ('coffee grinder', 'shipped'), ('headphones', 'delivered')) as o (item, status)`;

export async function createOrders(info: StackInfo, customers: number[]): Promise<void> {
  const db = new pg.Client({ connectionString: info.db_url });
  db.on("error", () => {}); // the query that it interrupts says so too
  await db.connect();
  try {
    const [insert, ...schema] = SCHEMA.split(";\n").reverse();
    await db.query(schema.reverse().join(";\n"));
    await db.query(insert!, [customers]);
  } finally {
    await db.end();
  }
}

/** The query of the bot's database step. */
export function ordersFinder(info: StackInfo): (userId: number) => Promise<unknown[]> {
  return async (userId) => {
    const response = await fetch(`${info.api_url}/rest/v1/example_orders?select=item,status&customer_id=eq.${userId}`, {
      headers: { apikey: info.service_role_key },
    });
    if (!response.ok) throw new Error(`orders: ${response.status} ${await response.text()}`);
    return await response.json() as unknown[];
  };
}
