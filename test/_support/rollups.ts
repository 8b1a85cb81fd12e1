/** Random traces, and what the rollups of them should add up to. */
import { randomInt } from "node:crypto";
import type pg from "pg";
import type { WireStep, WireTrace } from "../../tracer/wire.ts";
import { DAY } from "./partitions.ts";
import { makeTrace } from "./traces.ts";

export const pick = <T>(of: readonly T[]): T => of[randomInt(of.length)]!;
const maybe = <T>(share: number, value: T): T | Record<string, never> => Math.random() < share ? value : {};
export const shuffled = <T>(of: T[]): T[] =>
  of.map((v) => [Math.random(), v] as const).sort(([a], [b]) => a - b).map(([, v]) => v);

function randomStep(position: number): WireStep {
  const llm = Math.random() < 0.4;
  return {
    name: pick(["llm.generate", "db.save", "telegram.send"]),
    offset_ms: 0,
    duration_ms: randomInt(5000),
    ...maybe(0.3, { parent: randomInt(1, 5) }), // of an earlier step, or an orphan
    ...maybe(0.2, { status: "error" as const, error: "x" }),
    ...maybe(0.1, { status: "detached" as const }),
    ...(llm && {
      model: "m",
      ...maybe(0.8, { input_tokens: randomInt(1000), cached_tokens: randomInt(100) }),
      ...maybe(0.8, { output_tokens: randomInt(1000), reasoning_tokens: position, first_token_ms: 5 }),
      ...maybe(0.7, { cost_microusd: randomInt(1000) }),
    }),
  };
}

export function randomTraces(count: number, days: number): (WireTrace & { started_at: number })[] {
  const now = Date.now();
  return Array.from({ length: count }, () => {
    const status = pick(["ok", "ok", "ok", "error"] as const);
    return makeTrace({
      started_at: now - randomInt(days * DAY),
      pipeline: pick(["support", "refund"]),
      status,
      duration_ms: randomInt(60_000),
      ...(status === "error" && { error: `Error ${randomInt(1000)}: boom` }),
      steps: Array.from({ length: randomInt(5) }, (_, i) => randomStep(i)),
    }) as WireTrace & { started_at: number };
  });
}

export interface Sums {
  [key: string]: (number | null)[];
}

const COLUMNS = [
  "count",
  "errors",
  "duration_ms",
  "input_tokens",
  "cached_tokens",
  "output_tokens",
  "reasoning_tokens",
  "cost_microusd",
  "unpriced",
  "orphans",
  "stepless",
] as const;

/** What rollups should add up to, by the definition of each column. */
export function expected(traces: WireTrace[]): Sums {
  const sums: Record<string, (number | null)[]> = {};
  const add = (pipeline: string, step: string, values: (number | null | undefined)[]) => {
    const sum = sums[`${pipeline}/${step}`] ??= COLUMNS.map((_, i) => i >= 3 && i <= 7 ? null : 0);
    values.forEach((v, i) => {
      if (v !== null && v !== undefined) sum[i] = (sum[i] ?? 0) + v;
    });
  };
  const total = (of: (number | undefined)[]) => {
    const known = of.filter((v) => v !== undefined);
    return known.length > 0 ? known.reduce((a, b) => a + b) : null;
  };
  for (const t of traces) {
    const orphan = (s: WireStep, i: number) => s.parent !== undefined && !(s.parent >= 1 && s.parent <= i);
    const unpriced = (s: WireStep) => Number(s.model !== undefined && s.cost_microusd === undefined);
    add(t.pipeline, "", [
      1,
      Number(t.status === "error"),
      t.duration_ms,
      total(t.steps.map((s) => s.input_tokens)),
      total(t.steps.map((s) => s.cached_tokens)),
      total(t.steps.map((s) => s.output_tokens)),
      total(t.steps.map((s) => s.reasoning_tokens)),
      total(t.steps.map((s) => s.cost_microusd)),
      t.steps.map(unpriced).reduce((a, b) => a + b, 0),
      Number(t.steps.some(orphan)),
      Number(t.steps.length === 0),
    ]);
    t.steps.forEach((s, i) =>
      add(t.pipeline, s.name, [
        1,
        Number(s.status === "error"),
        s.duration_ms,
        s.input_tokens,
        s.cached_tokens,
        s.output_tokens,
        s.reasoning_tokens,
        s.cost_microusd,
        unpriced(s),
        Number(orphan(s, i)),
        0,
      ])
    );
  }
  return sums;
}

export async function sums(db: pg.Client, from: string, values: unknown[] = []): Promise<Sums> {
  const { rows } = await db.query({
    text: `select r.pipeline || '/' || r.step, ${COLUMNS.map((c) => `sum(r.${c})::float8`)}
           from ${from} as r where r.pipeline <> '' group by r.pipeline, r.step`,
    values,
    rowMode: "array",
  });
  return Object.fromEntries(rows.map(([key, ...row]) => [key, row]));
}

export const inWindow = (db: pg.Client, from: number, to: number) =>
  sums(db, "tracegram.rollup_rows($1, $2)", [new Date(from), new Date(to)]);

export const fold = (db: pg.Client) => db.query("select tracegram.fold_batches()");
