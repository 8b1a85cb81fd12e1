/** Repeated runs as one number, and what is said about it. */
import type pg from "pg";

/** Nearest-rank percentile. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("there is nothing to measure");
  return value;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);
export const p95 = (values: readonly number[]): number => percentile(values, 0.95);

/** Milliseconds that `fn` takes. */
export async function timed(fn: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await fn();
  return performance.now() - began;
}

/** Milliseconds that a query takes in the database, by its own clock. */
export const ms = async (db: pg.Client, sql: string): Promise<number> =>
  (await db.query({ name: "ms", text: "select bench.ms($1) as ms", values: [sql] })).rows[0].ms;

/** Runs what is compared in turn, and every other time in reverse, so that neither has the quieter machine. */
export async function inTurn(round: number, runs: (() => Promise<unknown>)[]): Promise<void> {
  for (const run of round % 2 === 0 ? runs : runs.toReversed()) await run();
}

/** So many times on end, so that most runs find the processor's caches as a busy server has them. */
export async function inARow(times: number, run: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await run();
}

export interface Bar {
  text: string;
  holds(value: number, ratio: number | null): boolean;
}

export const atMost = (most: number): Bar => ({ text: `≤ ${most}`, holds: (value) => value <= most });
export const ratioAtMost = (most: number): Bar => ({
  text: `ratio ≤ ${most}`,
  holds: (_, ratio) => ratio !== null && ratio <= most,
});
export const ratioAtLeast = (least: number): Bar => ({
  text: `ratio ≥ ${least}`,
  holds: (_, ratio) => ratio !== null && ratio >= least,
});

export interface Measurement {
  /** What was done: "first page, 10,000,000 traces". */
  case: string;
  /** What was measured of it, and what it is compared with: "p95, against its own at 100,000". */
  metric: string;
  value: number;
  unit: string;
  /** The same of what it is compared with. */
  against?: number;
  bar?: Bar;
}

/** A line of `--json`. */
export interface Result {
  bench: string;
  case: string;
  metric: string;
  value: number;
  unit: string;
  against: number | null;
  /** value / against */
  ratio: number | null;
  bar: string | null;
  /** Null without a bar. */
  ok: boolean | null;
}

export function judge(bench: string, { bar, against, ...measured }: Measurement): Result {
  const value = round(measured.value);
  const other = against === undefined ? null : round(against);
  const ratio = other === null ? null : round(value / other);
  return {
    bench,
    case: measured.case,
    metric: measured.metric,
    value,
    unit: measured.unit,
    against: other,
    ratio,
    bar: bar?.text ?? null,
    ok: bar?.holds(value, ratio) ?? null,
  };
}

const round = (value: number) => Number(value.toPrecision(4));

/** What the command ends with: at the full size, a missed bar is a failure. */
export const exitCode = (results: readonly Result[], size: "small" | "full"): number =>
  size === "full" && results.some(({ ok }) => ok === false) ? 1 : 0;
