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
