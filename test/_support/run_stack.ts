/** A stack without the functions, and with a line to its database that can break. */
import type pg from "pg";
import { createDb, type Db } from "../../functions/_shared/db.ts";
import { type Line, openLine } from "./line.ts";
import { startTestStack, type TestStack } from "./stack.ts";
import { type SyntheticSql, syntheticSql } from "./synthetic.ts";

export interface RunStack {
  stack: TestStack;
  /** Trusted as any role. */
  client: pg.Client;
  sql: SyntheticSql;
  line: Line;
  /** Over the line. */
  db: Db;
  /** Runs, money, scenarios, caps and the line are as at the beginning. For `beforeEach`. */
  forget(): Promise<void>;
  /** The database refuses a function until it is allowed, or all is forgotten. */
  refuse(name: string): Promise<void>;
  allow(name: string): Promise<void>;
  end(): Promise<void>;
}

/** For `beforeAll`; `end` it in `afterAll`. */
export async function startRunStack(): Promise<RunStack> {
  const stack = await startTestStack({ isolates: { ingest: 0, telegram: 0 } });
  const client = stack.client("postgres");
  await client.connect();
  const line = await openLine(stack.info.api_url);
  const refused = new Set<string>();
  const on: RunStack = {
    stack,
    client,
    sql: syntheticSql(client),
    line,
    db: createDb(line.url, stack.info.service_role_key),
    async forget() {
      for (const name of refused) await on.allow(name);
      await client.query(`
        delete from tracegram.synthetic_runs;
        delete from tracegram.synthetic_days;
        delete from tracegram.synthetic_scenarios;
        update tracegram.synthetic_ledger set reserved_microusd = 0;
        update tracegram.settings set
          synthetic_run_cap_microusd = default, synthetic_day_cap_microusd = default,
          synthetic_month_cap_microusd = default, synthetic_concurrency = default;
      `);
      line.asked = [];
      line.breaks = () => undefined;
    },
    async refuse(name) {
      refused.add(name);
      await client.query(`revoke execute on function public.${name} from service_role`);
    },
    async allow(name) {
      refused.delete(name);
      await client.query(`grant execute on function public.${name} to service_role`);
    },
    async end() {
      await line.close();
      await client.end();
      await stack.end();
    },
  };
  return on;
}
