/** Days of the partitioned tables. */
import type pg from "pg";

export const DAY = 86_400_000;
export const TABLES = ["pipeline_traces", "trace_io"] as const;

/** Makes a day's partition, as pg_partman had made it then: it takes the start of the day literally. */
export const givenDay = (db: pg.Client, table: string, epochMs: number) =>
  db.query("select partman.create_partition_time($1, array[$2::timestamptz])", [
    `tracegram.${table}`,
    new Date(Math.floor(epochMs / DAY) * DAY),
  ]);

export const partition = (table: string, epochMs: number) =>
  `${table}_p${new Date(epochMs).toISOString().slice(0, 10).replaceAll("-", "")}`;

/** The day as Postgres prints it, such as 2026-11-22. */
export const isoDay = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 10);

/** The partitions that are attached, oldest first. */
export async function attachedDays(db: pg.Client, table: string): Promise<string[]> {
  const { rows } = await db.query(
    `select c.relname as name from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
     where i.inhparent = $1::regclass order by 1`,
    [`tracegram.${table}`],
  );
  return rows.map(({ name }) => name);
}
