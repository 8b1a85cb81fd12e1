// The direct way: PostgREST with the anon key, as a bot without the function uses it, and what a leaked anon key can reach.
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTracer } from "../../../tracer/index.ts";
import { rpcTransport } from "../../../tracer/rpc.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { makeTrace } from "../../_support/traces.ts";

let stack: TestStack;
let db: pg.Client;
beforeAll(async () => {
  stack = await startTestStack();
  db = stack.client("postgres");
  await db.connect();
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});

function rest(path: string, init: RequestInit = {}, apikey = stack.info.anon_key): Promise<Response> {
  return fetch(`${stack.info.api_url}/rest/v1/${path}`, {
    ...init,
    headers: { apikey, "content-type": "application/json", ...init.headers },
  });
}

const rpc = (name: string, args: object, apikey?: string) =>
  rest(`rpc/${name}`, { method: "POST", body: JSON.stringify(args) }, apikey);

const ingest = (key: string, batch: unknown[], apikey?: string) =>
  rpc("ingest_traces", { p_key: key, p_batch: batch }, apikey);

test("a batch is stored with the anon key and the bot's own", async () => {
  const response = await ingest(stack.info.ingest_key, [makeTrace(), { trace_id: "no" }]);
  expect([response.status, await response.json()]).toMatchObject([200, { stored: 1, rejected: 1 }]);
});

test("the tracer's direct transport delivers, and tells what PostgREST refused", async () => {
  const { api_url, anon_key, ingest_key } = stack.info;
  const tracer = createTracer({ transport: rpcTransport(api_url, anon_key, ingest_key), flushOnExit: false });
  const id = tracer.trace("direct", (trace) => tracer.step("work", () => trace.id));
  expect(await tracer.close()).toBe(true);
  expect(tracer.stats()).toMatchObject({ delivered: 1, queued: 0, dropped: {} });
  const { rows } = await db.query("select pipeline, steps[1].name from tracegram.pipeline_traces where trace_id = $1", [
    id,
  ]);
  expect(rows).toEqual([{ pipeline: "direct", name: "work" }]);

  const problems: string[] = [];
  const revoked = createTracer({
    transport: rpcTransport(api_url, anon_key, "tgk_unknown"),
    flushOnExit: false,
    onError: ({ message }) => problems.push(message),
  });
  revoked.trace("direct", () => {});
  expect(await revoked.close({ timeoutMs: 2000 })).toBe(false);
  expect(revoked.stats()).toMatchObject({ delivered: 0, queued: 1, dropped: {} });
  expect(problems.join()).toContain("TG001");
});

test("refusals keep their code and hint", async () => {
  const response = await ingest("tgk_unknown", [makeTrace()]);
  expect(await response.json()).toMatchObject({ code: "TG001", hint: expect.stringContaining("create_ingest_key") });
  expect(response.ok).toBe(false);
});

test("without an API key there is no way in", async () => {
  expect((await ingest(stack.info.ingest_key, [makeTrace()], "")).status).toBe(401);
  expect((await ingest(stack.info.ingest_key, [makeTrace()], stack.info.ingest_key)).status).toBe(401);
});

describe("the anon key", () => {
  test("calls no function but ingest_traces", async () => {
    const { rows } = await db.query<{ name: string; names: string[] | null; types: string[] }>(`
      select p.proname as name, p.proargnames as names, p.proargtypes::regtype[]::text[] as types
      from pg_proc as p
      where p.pronamespace = 'public'::regnamespace and p.proname <> 'ingest_traces'
        and not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')`);
    expect(rows.map((row) => row.name)).toEqual(
      expect.arrayContaining(["list_traces", "get_trace", "get_trace_io", "create_ingest_key", "claim_update"]),
    );
    const values: Record<string, unknown> = { uuid: makeTrace().trace_id, integer: 1, bigint: 1, boolean: true };
    for (const { name, names, types } of rows) {
      const args = Object.fromEntries(types.map((type, i) => [names![i]!, values[type] ?? null]));
      const response = await rpc(name, args);
      expect([name, response.status, (await response.json() as { code: string }).code]).toEqual([name, 401, "42501"]);
      // The same call is known to PostgREST: it is the role that is refused.
      const allowed = await rpc(name, args, stack.info.service_role_key);
      expect([name, await allowed.text()]).not.toEqual([name, expect.stringMatching(/42501|PGRST20/)]);
    }
  });

  test("reaches no table, view or partition, by whatever schema it asks for", async () => {
    const { rows } = await db.query<{ name: string }>(
      "select relname as name from pg_class where relnamespace = 'tracegram'::regnamespace and relkind in ('r', 'p', 'v')",
    );
    expect(rows.map((row) => row.name)).toEqual(
      expect.arrayContaining(["pipeline_traces", "trace_io", "trace_steps", "ingest_keys"]),
    );
    for (const { name } of rows) {
      expect([name, (await rest(name)).status]).toEqual([name, 404]);
      const inSchema = await rest(name, { headers: { "accept-profile": "tracegram" } });
      expect([name, inSchema.status]).toEqual([name, 406]);
    }
  });
});
