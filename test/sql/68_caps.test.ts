// Two runs at once, 32 workers on connections of their own, which begin and settle as chance has it, and vanish; another connection
// looks on all the while. Each worker has a clock of its own that it moves ahead, so that leases run out without waiting.
import { expect, onTestFinished } from "vitest";
import type { RunKey } from "../../functions/_shared/synthetic_db.ts";
import type { Cluster } from "../../scripts/stack/postgres.ts";
import { test } from "../_support/db.ts";
import {
  end,
  entry,
  givenRun,
  MINUTE,
  NOON,
  outcome,
  recorded,
  SECOND,
  start,
  syntheticSql,
} from "../_support/synthetic.ts";

const WORKERS = 32;
const SCENARIOS = Array.from({ length: 8 }, (_, i) => `s${i}`);
/** Calls of each scenario. */
const CALLS = 3;
const CAPS = {
  synthetic_run_cap_microusd: 9000,
  synthetic_day_cap_microusd: 15_000,
  synthetic_month_cap_microusd: 16_000,
};

async function connected(cluster: Cluster) {
  const client = cluster.client("postgres");
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** How often each thing happened, and what the provider has billed, call by call. */
interface Seen {
  [kind: string]: number;
}
type Bills = Map<number, number>;

/** Takes scenarios and makes their calls until nothing is left, or chance has it vanish. Resolves to whether it has. */
async function work(
  sql: ReturnType<typeof syntheticSql>,
  run: RunKey,
  name: string,
  random: () => number,
  clock: { at: number },
  seen: Seen,
  bills: Bills,
  chances: { vanishing: number; unknown: number },
): Promise<boolean> {
  const note = (kind: string) => void (seen[kind] = (seen[kind] ?? 0) + 1);
  for (;;) {
    const it = await sql.take(run, name, clock.at);
    note(it.kind);
    if (it.kind === "done") return false;
    if (it.kind === "wait") {
      clock.at += SECOND / 4; // others may be gone
      continue;
    }
    for (let nth = 0; nth < CALLS;) {
      if (random() < chances.vanishing) return true;
      const call = start({
        key: `${it.scenario}-${it.repeat}`.padEnd(64, "0"),
        nth,
        worst_microusd: random() < chances.unknown ? null : 100 + Math.floor(random() * 400),
      });
      const begun = await sql.begin(run, it, call, clock.at);
      note(begun.kind === "refused" ? begun.why : begun.kind === "answer" ? begun.from : begun.kind);
      if (begun.kind === "refused") break;
      if (begun.kind === "wait") {
        clock.at += SECOND / 4;
        continue;
      }
      nth++;
      if (begun.kind === "answer") continue;
      // The provider bills it, whatever becomes of who has asked. Of a worst that is not known, there is what was set aside.
      const most = call.worst_microusd ?? await sql.reserved(begun.call_id);
      const cost = Math.floor(random() * Math.min(most, 500));
      bills.set(begun.call_id, cost);
      if (random() < chances.vanishing) return true;
      const known = random() > chances.unknown;
      await sql.settle(
        run,
        begun.call_id,
        end(known ? cost : null, { recorded: known ? recorded(call) : null }),
        clock.at,
      );
      if (random() < 0.2) await sql.beat(run, name, clock.at);
    }
    const { kept } = await sql.finish(run, it, outcome(), clock.at);
    note(kept ? "kept" : "fenced");
  }
}

const WATCH = `
  select
    max(r.spent_microusd + r.reserved_microusd - r.ceiling_microusd) <= 0
      and max(r.spent_microusd + r.reserved_microusd - s.synthetic_run_cap_microusd) <= 0 as runs,
    (select coalesce(max(d.spent_microusd + d.reserved_microusd), 0) from tracegram.synthetic_days as d) <= s.synthetic_day_cap_microusd as day,
    (select coalesce(sum(d.spent_microusd + d.reserved_microusd), 0) from tracegram.synthetic_days as d) <= s.synthetic_month_cap_microusd as month,
    (select coalesce(sum(d.spent_microusd), 0) from tracegram.synthetic_days as d) = sum(r.spent_microusd)
      and (select coalesce(sum(d.reserved_microusd), 0) from tracegram.synthetic_days as d) = sum(r.reserved_microusd)
      and (select l.reserved_microusd from tracegram.synthetic_ledger as l) = sum(r.reserved_microusd) as books,
    sum(r.reserved_microusd)::int as reserved
  from tracegram.synthetic_runs as r, tracegram.settings as s
  group by s.only_row, s.synthetic_run_cap_microusd, s.synthetic_day_cap_microusd, s.synthetic_month_cap_microusd`;

test(
  "no cap is crossed at any moment, everything reserved is booked or given back, each scenario has one result",
  { timeout: 60_000 },
  async ({ cluster }) => {
    const random = Math.random;
    const watcher = await connected(cluster);
    const sql = syntheticSql(watcher);
    await watcher.query("truncate tracegram.synthetic_runs, tracegram.synthetic_days cascade");
    await watcher.query(
      `update tracegram.settings set ${Object.entries(CAPS).map(([name, cap]) => `${name} = ${cap}`)}`,
    );
    await sql.register(SCENARIOS.map((name) => entry(name)));
    const runs = [
      await givenRun(sql, { ceiling: 9000, repeat: 2, concurrency: 12 }),
      await givenRun(sql, { ceiling: 8000, repeat: 2, concurrency: 12 }),
    ];

    const seen: Seen = {};
    const bills: Bills = new Map();
    let going = true;
    const looks: Record<string, unknown>[] = [];
    const watch = (async () => {
      const eye = await connected(cluster);
      while (going) looks.push((await eye.query(WATCH)).rows[0]);
    })();

    const workers = await Promise.all(Array.from({ length: WORKERS }, () => connected(cluster)));
    const clock = { at: NOON };
    await Promise.all(workers.map(async (client, i) => {
      // Who vanishes is followed by another, and in the end by one who stays.
      for (let life = 0; life < 40; life++) {
        const chances = { vanishing: life < 2 ? 0.06 : 0, unknown: 0.02 };
        const gone = await work(
          syntheticSql(client),
          runs[i % 2]!,
          `w${i}-${life}`,
          random,
          clock,
          seen,
          bills,
          chances,
        );
        if (!gone) return;
        seen["vanished"] = (seen["vanished"] ?? 0) + 1;
      }
      throw new Error("it never came to an end");
    }));
    // Of what vanished last, nobody asks any more: the minute's job does.
    await sql.tend(clock.at + MINUTE);
    going = false;
    await watch;

    expect(looks.length).toBeGreaterThan(20);
    expect(looks.some(({ reserved }) => Number(reserved) > 1000)).toBe(true);
    for (const { reserved: _, ...look } of looks) {
      expect(look).toEqual({
        runs: true,
        day: true,
        month: true,
        books: true,
      });
    }
    const { rows: [last] } = await watcher.query(WATCH);
    expect(last).toEqual({ runs: true, day: true, month: true, books: true, reserved: 0 });

    const { rows: open } = await watcher.query("select from tracegram.synthetic_calls where booked_microusd is null");
    expect(open).toEqual([]);
    // What is confirmed is what was billed; what is not is at least that.
    const { rows: booked } = await watcher.query(
      "select call_id::int as id, booked_microusd::int as booked, confirmed from tracegram.synthetic_calls",
    );
    expect(booked.length).toBe(bills.size);
    for (const { id, booked: paid, confirmed } of booked) {
      if (confirmed) expect(paid).toBe(bills.get(id));
      else expect(paid).toBeGreaterThanOrEqual(bills.get(id)!);
    }
    for (const run of runs) {
      const { results, state, spent_microusd } = (await sql.view(run.run_id))!;
      expect(["passed", "out_of_budget"]).toContain(state);
      expect(results).toHaveLength(16);
      for (const result of results) expect(["passed", "stopped"]).toContain(result.state);
      expect(results.reduce((sum, result) => sum + result.spent_microusd, 0)).toBe(spent_microusd);
    }
    const results = (await Promise.all(runs.map(({ run_id }) => sql.view(run_id)))).flatMap((run) => run!.results);
    expect(results.filter(({ state }) => state === "passed").length).toBe(seen["kept"]);
    for (const kind of ["go", "wait", "vanished"]) {
      expect([kind, seen[kind] ?? 0]).not.toEqual([
        kind,
        0,
      ]);
    }
  },
);

test(
  "exactly one result each, whoever is killed and however often, with money enough",
  { timeout: 60_000 },
  async ({ cluster }) => {
    const random = Math.random;
    const db = await connected(cluster);
    const sql = syntheticSql(db);
    await db.query("truncate tracegram.synthetic_runs, tracegram.synthetic_days cascade");
    await db.query(
      "update tracegram.settings set synthetic_run_cap_microusd = 1000000, synthetic_day_cap_microusd = 1000000, synthetic_month_cap_microusd = 1000000",
    );
    await db.query(`
    create table public.written (run_id uuid, position int);
    create function public.note_result() returns trigger language plpgsql as
      $$ begin insert into public.written values (new.run_id, new.position); return new; end $$;
    create trigger note_result after update on tracegram.synthetic_results for each row
      when (old.ended_at is distinct from new.ended_at) execute function public.note_result()`);
    await sql.register(SCENARIOS.map((name) => entry(name)));
    const run = await givenRun(sql, { ceiling: 500_000, repeat: 4, concurrency: 16 });
    const seen: Seen = {};
    const bills: Bills = new Map();
    const clock = { at: NOON };
    const workers = await Promise.all(Array.from({ length: 12 }, () => connected(cluster)));
    try {
      await Promise.all(workers.map(async (client, i) => {
        for (let life = 0; life < 100; life++) {
          const chances = { vanishing: life < 5 ? 0.08 : 0, unknown: 0 };
          if (!await work(syntheticSql(client), run, `w${i}-${life}`, random, clock, seen, bills, chances)) return;
        }
        throw new Error("it never came to an end");
      }));
      const { state, results } = (await sql.view(run.run_id))!;
      expect(state).toBe("passed");
      expect(results).toHaveLength(32);
      expect(seen["kept"]).toBe(32);
      const { rows } = await db.query(
        "select count(*)::int as n, count(distinct position)::int as positions from public.written",
      );
      expect(rows).toEqual([{ n: 32, positions: 32 }]);
      // What was answered whole before a kill was given back, not paid again.
      const { rows: paid } = await db.query(
        `select position, key, nth from tracegram.synthetic_calls where recorded is not null group by 1, 2, 3 having count(*) > 1`,
      );
      expect(paid).toEqual([]);
      expect(seen["resumed"]).toBeGreaterThan(0);
      expect(Math.max(...results.map(({ attempts }) => attempts))).toBeGreaterThan(1);
    } finally {
      await db.query(
        "drop trigger note_result on tracegram.synthetic_results; drop function public.note_result; drop table public.written",
      );
    }
  },
);
