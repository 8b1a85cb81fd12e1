/** `npm run synthetic` as in _support.ts, on the real database, which each test finds empty. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { type RunStack, startRunStack } from "../../_support/run_stack.ts";
import { entry } from "../../_support/synthetic.ts";
import { type Options, start } from "./_support.ts";

export let on: RunStack;
beforeAll(async () => void (on = await startRunStack()));
afterAll(() => on?.end());
beforeEach(async () => {
  await on.forget();
  // The function's, for runs that were there before. A terminal brings its own.
  await on.sql.register(["greets", "refund", "slow"].map((name) => entry(name)));
});

export const begin = (argv: string[], options?: Options) => start(argv, { db: on.db, ...options });
export const run = (argv: string[], options?: Options) => begin(argv, options).ended;

/** The run that was asked for last, as the database has it. */
export async function lastRun() {
  const { rows: [row] } = await on.client.query(`
    select run_id, state, tier, mode, scenarios, repeat, seed, concurrency,
      ceiling_microusd::int as ceiling, spent_microusd::int as spent, reserved_microusd::int as reserved
    from tracegram.synthetic_runs
    order by asked_at desc
    limit 1
  `);
  return row;
}
