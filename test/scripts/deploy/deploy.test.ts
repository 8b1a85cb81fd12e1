/** `npm run deploy` on an empty project, with the real CLI; what it uploads is what then runs. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { alertSecret } from "../../../functions/_shared/secret.ts";
import { SCENARIOS } from "../../../functions/synthetic/scenarios/all.ts";
import { edgeFunctions } from "../../../scripts/stack/functions.ts";
import { startWorld, type World } from "./_support.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({ deployed: false });
});
afterAll(() => world?.end());

const FUNCTIONS = edgeFunctions().map(({ name }) => name);
const each = (what: string) => FUNCTIONS.map((name) => `${name} (${what})`).join(", ");

const methods = () => world.telegram.client.records.calls.map(({ method }) => method);

test("an empty project: a dry run, a deployment, the same once more, and a dry run", { timeout: 90_000 }, async () => {
  const { management, telegram, cwd } = world;
  const envFile = join(cwd, ".env");

  const plan = await world.deploy(["--dry-run"]);
  expect(plan).toMatchObject({ code: 0 });
  expect(plan.output).toMatch(/^✓ settings .* project my project, bot @my_admin_bot$/m);
  expect(plan.output).toMatch(/^· database .* would apply 20260101000000_init\.sql$/m);
  expect(plan.output).toContain(`would deploy ${each("new")}\n`);
  expect(plan.output).toMatch(/^· secrets .* would set TELEGRAM_BOT_TOKEN, /m);
  expect(plan.output).toContain("Nothing was changed.");
  // And nothing was.
  expect(await schemas()).toEqual([]);
  expect([management.functions.size, management.secrets.size]).toEqual([0, 0]);
  expect(management.requests.filter((line) => !line.startsWith("GET "))).toEqual([]);
  expect(methods().filter((method) => !method.startsWith("get"))).toEqual([]);
  expect(existsSync(envFile)).toBe(false);

  const first = await world.deploy();
  expect(first).toMatchObject({ code: 0 });
  expect(first.output).toMatch(/^✓ database .* applied 20260101000000_init\.sql$/m);
  expect(first.output).toContain(`s  ${each("version 1")}\n`);
  expect(first.output).toMatch(/^✓ test: ingest .* a trace was stored and read back \(\d+ ms\)$/m);
  expect(first.output).toMatch(/^✓ test: telegram /m);
  if (FUNCTIONS.includes("synthetic")) {
    expect(first.output).toMatch(/^✓ test: synthetic /m);
    expect(first.output).toContain(
      `knows ${SCENARIOS.length} scenarios, and refuses a forged run; paid runs cannot: OPENROUTER_API_KEY is missing`,
    );
    expect(await names()).toEqual(SCENARIOS.map(({ name }) => name));
    expect([...management.functions.get("synthetic")!.files.keys()]).toContain("examples/support-bot/bot.ts");
  }
  expect(first.output).toMatch(/^✓ test: admin .* the bot opened its first screen for 1001 \(\d+ ms\)$/m);
  expect(first.output).not.toContain("\x1b");

  const secret = /^TELEGRAM_WEBHOOK_SECRET=([\w-]{43})$/m.exec(readFileSync(envFile, "utf8"))![1]!;
  expect(statSync(envFile).mode & 0o777).toBe(0o600);
  expect(Object.fromEntries(management.secrets)).toEqual({
    TELEGRAM_BOT_TOKEN: world.env["TELEGRAM_BOT_TOKEN"],
    TELEGRAM_BOT_USERNAME: "my_admin_bot",
    TELEGRAM_WEBHOOK_SECRET: secret,
    TELEGRAM_ADMIN_IDS: "1001",
    TELEGRAM_API_ROOT: world.env["TELEGRAM_API_ROOT"],
  });
  expect(await settings()).toEqual({
    alert_url: world.functionUrl("telegram"),
    alert_secret: await alertSecret(secret),
  });
  const files = [...management.functions.get("ingest")!.files.keys()];
  expect(files).toContain("tracer/wire.ts");
  expect(files.filter((path) => !/^(functions|tracer)\//.test(path))).toEqual([]);

  // Ada sees the first screen, and can use it: Telegram delivers what she writes to what was uploaded.
  const { messages } = telegram.client.chat(world.chat);
  const deployed = messages.find(({ text }) => text === "Tracegram is deployed. /admin opens this at any time.");
  const opened = messages.find(({ message_id }) => message_id === deployed!.reply_to_message!.message_id)!;
  expect(opened.text).not.toContain("self-test");
  expect(opened.edit_date).toBeDefined();
  // What she wrote before there was a webhook is answered too.
  await expect.poll(() => telegram.client.chat(world.chat).messages, { timeout: 10_000 }).toHaveLength(4);
  telegram.client.send({ chat: world.chat, text: "/admin traces" });
  const last = () => telegram.client.chat(world.chat).messages.at(-1)!;
  await expect.poll(() => last().text, { timeout: 10_000 }).toMatch(/tracegram\.self_test/);
  const call = (method: string) => telegram.client.records.calls.findLast((record) => record.method === method)!.params;
  expect(call("setWebhook")).toEqual({
    url: world.functionUrl("telegram"),
    secret_token: secret,
    allowed_updates: '["message","callback_query"]',
    max_connections: "10",
    drop_pending_updates: "false",
  });
  const { scope, commands } = call("setMyCommands");
  expect(JSON.parse(scope!)).toEqual({ type: "chat", chat_id: 1001 });
  expect(JSON.parse(commands!).map(({ command }: { command: string }) => command)).toEqual(["admin", "trace", "help"]);
  // No key that works is left.
  expect(await keys()).toEqual([{ name: "deploy self-test", sent: 1 }]);

  const second = await world.deploy();
  expect(second).toMatchObject({ code: 0 });
  expect(second.output).toMatch(/^✓ database .* up to date$/m);
  expect(second.output).toMatch(/^✓ secrets .* unchanged$/m);
  expect(management.requests.filter((line) => line.startsWith("POST") && line.endsWith("/secrets"))).toHaveLength(1);
  expect(readFileSync(envFile, "utf8")).toBe(`TELEGRAM_WEBHOOK_SECRET=${secret}\n`);
  expect(await keys()).toEqual([{ name: "deploy self-test", sent: 2 }]);

  const before = await state();
  const again = await world.deploy(["--dry-run"]);
  expect(again).toMatchObject({ code: 0 });
  expect(again.output).toMatch(/^· database .* up to date$/m);
  expect(again.output).toMatch(/would set the webhook again$/m);
  expect(await state()).toEqual(before);

  for (const { output } of [plan, first, second, again]) {
    for (const value of [...world.secrets, secret, "tgk_"]) expect(output).not.toContain(value);
  }
});

async function query<T>(sql: string): Promise<T[]> {
  const db = world.cluster.client("supabase_admin");
  await db.connect();
  return (await db.query(sql).finally(() => db.end())).rows as T[];
}

const schemas = () => query("select nspname from pg_namespace where nspname in ('tracegram', 'supabase_migrations')");
const settings = async () => (await query("select alert_url, alert_secret from tracegram.settings"))[0];
const names = async () =>
  (await query<{ name: string }>("select name from tracegram.synthetic_scenarios order by name")).map(({ name }) =>
    name
  );
const keys = () =>
  query("select name, (select count(*)::int from tracegram.pipeline_traces) as sent from tracegram.ingest_keys");

/** All that a deployment writes, but for the times of what was only looked at. */
const state = async () => ({
  settings: await query("select * from tracegram.settings"),
  keys: await query("select name, key_sha256, rotated_at from tracegram.ingest_keys"),
  traces: await query("select count(*) from tracegram.pipeline_traces"),
  migrations: await query("select version from supabase_migrations.schema_migrations"),
  functions: [...world.management.functions.values()].map(({ slug, version }) => [slug, version]),
  secrets: [...world.management.secrets],
  chat: world.telegram.client.chat(world.chat),
  calls: methods().filter((method) => !method.startsWith("get")).length,
  env: readFileSync(join(world.cwd, ".env"), "utf8"),
});
