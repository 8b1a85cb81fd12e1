/** The real supabase-js before the real PostgREST; auth, storage and functions before a stand-in that answers anything. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { supabaseFetch } from "../../tracer/supabase.ts";
import { startTestStack, type TestStack } from "../_support/stack.ts";
import { memoryTracer } from "./_support/memory.ts";

// deno-lint-ignore no-explicit-any -- of a database whose types nobody has made
type Client = SupabaseClient<any>;

const OPTIONS = { auth: { persistSession: false, autoRefreshToken: false } };

describe("the database", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
    const sql = stack.client("postgres");
    await sql.connect();
    await sql.query(`
      create table public.orders (order_id bigint primary key, item text not null);
      insert into public.orders values (1, 'lamp'), (2, 'desk');
      grant select, insert on public.orders to service_role;
      create function public.count_orders() returns bigint language sql as 'select count(*) from public.orders';
      notify pgrst, 'reload schema';`);
    await sql.end();
  });
  afterAll(() => stack?.end());

  function setup() {
    const { tracer, sent, problems } = memoryTracer();
    const { api_url, service_role_key } = stack.info;
    const db = createClient(api_url, service_role_key, { ...OPTIONS, global: { fetch: supabaseFetch(tracer) } });
    const steps = async (fn: () => unknown) => {
      await tracer.trace("bot", async () => void await fn());
      return (await sent()).at(-1)!.steps.map(({ name, status, error }) => ({ name, status, error }));
    };
    return { db, steps, tracer, problems };
  }

  test("queries and calls are steps, and give what they always give", async () => {
    const { db, steps, problems } = setup();
    await expect.poll(async () => (await db.rpc("count_orders")).data).toBe(2); // the schema was read anew
    const results: unknown[] = [];
    expect(
      await steps(async () => {
        results.push((await db.from("orders").select("item").order("order_id")).data);
        results.push((await db.rpc("count_orders")).data);
        results.push((await db.from("orders").select("*", { count: "exact", head: true })).count);
      }),
    ).toEqual([{ name: "db.orders" }, { name: "db.count_orders" }, { name: "db.orders" }]);
    expect(results).toEqual([[{ item: "lamp" }, { item: "desk" }], 2, 2]);
    expect(problems).toEqual([]);
  });

  test("a query that fails says why, in the step and to its caller", async () => {
    const { db, steps } = setup();
    await expect.poll(async () => (await db.rpc("count_orders")).data).toBe(2);
    const errors: unknown[] = [];
    const recorded = await steps(async () => {
      errors.push((await db.from("orders").insert({ order_id: 1, item: "secret" })).error);
      errors.push((await db.from("orders").select("colour")).error);
      errors.push((await db.rpc("nothing_of_that_name")).error);
    });
    expect(errors).toMatchObject([
      { code: "23505", details: expect.stringContaining("already exists") },
      { code: "42703" },
      { code: "PGRST202" },
    ]);
    expect(recorded).toEqual([
      {
        name: "db.orders",
        status: "error",
        error: '23505 duplicate key value violates unique constraint "orders_pkey"',
      },
      { name: "db.orders", status: "error", error: "42703 column orders.colour does not exist" },
      {
        name: "db.nothing_of_that_nam",
        status: "error",
        error: expect.stringMatching(/^PGRST202 Could not find the function public\.nothing_of_that_name/),
      },
    ].map((step) => ({ ...step, name: step.name.slice(0, 20) })));
    expect(JSON.stringify(recorded)).not.toContain("secret");
  });

  test("without a body there is the status; outside a trace there is nothing", async () => {
    const { db, steps, tracer, problems } = setup();
    expect(await steps(() => db.from("nowhere").select("*", { head: true }))).toEqual([
      { name: "db.nowhere", status: "error", error: "404 Not Found" },
    ]);
    expect((await db.from("nowhere").select()).error).toMatchObject({ code: "42P01" });
    expect(tracer.stats().orphanSteps).toBe(0);
    expect(problems).toEqual([]);
  });
});

describe("the rest, by the addresses that supabase-js asks", () => {
  async function names(fn: (client: Client) => unknown, url = "https://ref.supabase.co") {
    const { tracer, sent, problems } = memoryTracer();
    const asked: string[] = [];
    const fetch: typeof globalThis.fetch = (input) => {
      asked.push(String(input));
      return Promise.resolve(Response.json({ message: "no", code: "X" }, { status: 400 }));
    };
    const client = createClient(url, "key", { ...OPTIONS, global: { fetch: supabaseFetch(tracer, { fetch }) } });
    await tracer.trace("bot", async () => void await fn(client));
    const { steps } = (await sent())[0]!;
    expect(steps).toHaveLength(asked.length);
    expect(asked.length).toBeGreaterThan(0);
    expect(problems).toEqual([]);
    return steps.map(({ name, error }) => `${name}: ${error}`);
  }

  test.each<[string, (client: Client) => unknown]>([
    ["auth", ({ auth }) => auth.signInWithPassword({ email: "ada@example.com", password: "p" })],
    ["auth", ({ auth }) => auth.admin.getUserById("00000000-0000-4000-8000-000000000000")],
    ["fn.resize-image", ({ functions }) => functions.invoke("resize-image", { body: {} })],
    ["storage.avatars", ({ storage }) => storage.from("avatars").upload("user-1/a.png", "x")],
    ["storage.avatars", ({ storage }) => storage.from("avatars").download("user-1/a.png")],
    ["storage.avatars", ({ storage }) => storage.from("avatars").download("a.png", { transform: { width: 1 } })],
    ["storage.avatars", ({ storage }) => storage.from("avatars").list("user-1")],
    ["storage.avatars", ({ storage }) => storage.from("avatars").listV2()],
    ["storage.avatars", ({ storage }) => storage.from("avatars").info("user-1/a.png")],
    ["storage.avatars", ({ storage }) => storage.from("avatars").remove(["user-1/a.png"])],
    ["storage.avatars", ({ storage }) => storage.from("avatars").createSignedUrl("user-1/a.png", 60)],
    ["storage.avatars", ({ storage }) => storage.from("avatars").createSignedUploadUrl("user-1/a.png")],
    ["storage.avatars", ({ storage }) => storage.getBucket("avatars")],
    ["storage.avatars", ({ storage }) => storage.emptyBucket("avatars")],
    ["storage", ({ storage }) => storage.listBuckets()],
    ["storage", ({ storage }) => storage.from("avatars").move("a", "b")],
    ["storage", ({ storage }) => storage.from("avatars").copy("a", "b")],
  ])("%s (%#)", async (name, fn) => {
    // Its answers may hold anything; PostgREST's alone are read.
    const expected = [`${name}: 400`];
    expect(await names(fn)).toEqual(expected);
    expect(await names(fn, "https://example.com/behind/a/proxy")).toEqual(expected);
  });

  test.each<[string, () => Response, string]>([
    ["never comes", () => new Response(new ReadableStream(), { status: 503 }), "503"],
    ["is none of PostgREST's", () => Response.json({ message: 1 }, { status: 502 }), "502"],
    ["is no JSON", () => new Response("<html>", { status: 500, statusText: "Oh" }), "500 Oh"],
    ["is nothing", () => Response.json(null, { status: 500 }), "500"],
  ])("a body that %s: the status, and the caller gets the answer", async (_, answer, error) => {
    const { tracer, sent } = memoryTracer();
    const response = answer();
    const fetch = supabaseFetch(tracer, { fetch: () => Promise.resolve(response) });
    await tracer.trace("bot", async () => {
      expect(await fetch("https://ref.supabase.co/rest/v1/orders")).toBe(response);
      expect(response.bodyUsed).toBe(false);
    });
    expect((await sent())[0]!.steps).toMatchObject([{ name: "db.orders", error }]);
  });

  test("a body that is used up, and an answer that cannot be copied, are the caller's as they are", async () => {
    const { tracer, sent } = memoryTracer();
    const used = Response.json({ code: "X", message: "no" }, { status: 400 });
    await used.text();
    const answers = [used, { status: 400, statusText: "", body: {} } as Response];
    await tracer.trace("bot", async () => {
      for (const answer of answers) {
        const fetch = supabaseFetch(tracer, { fetch: () => Promise.resolve(answer) });
        expect(await fetch("https://ref.supabase.co/rest/v1/orders")).toBe(answer);
      }
    });
    expect((await sent())[0]!.steps.map(({ error }) => error)).toEqual(["400", "400"]);
  });

  test("a body that does not come holds up the bot for a tenth of a second", async () => {
    const { tracer, sent } = memoryTracer();
    const slow = new Response(new ReadableStream(), { status: 400 });
    const fetch = supabaseFetch(tracer, { fetch: () => Promise.resolve(slow) });
    const start = performance.now();
    await tracer.trace("bot", () => fetch("https://ref.supabase.co/rest/v1/orders"));
    expect(performance.now() - start).toBeLessThan(600);
    expect((await sent())[0]!.steps).toMatchObject([{ error: "400" }]);
  });

  test("of an endless body a start is read, and the caller has all of it", async () => {
    const { tracer } = memoryTracer();
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (++chunks > 20) throw new Error("it was read to no end");
        controller.enqueue(new Uint8Array(4096).fill(32));
      },
    });
    const fetch = supabaseFetch(tracer, { fetch: () => Promise.resolve(new Response(body, { status: 400 })) });
    await tracer.trace("bot", async () => {
      const reader = (await fetch("https://ref.supabase.co/rest/v1/orders")).body!.getReader();
      for (let n = 1; n <= 10; n++) expect((await reader.read()).value).toHaveLength(4096);
      await reader.cancel();
    });
    expect(chunks).toBeLessThan(15);
  });

  test("a table of another script", async () => {
    expect(await names((client) => client.from("заказы").select())).toEqual(["db.заказы: X no"]);
  });
});
