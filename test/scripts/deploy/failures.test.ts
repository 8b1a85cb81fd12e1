/** `npm run deploy` when a step fails: what happened and what to do, exit code 1, and no secret. Then it goes on. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Run, startWorld, type World } from "./_support.ts";

vi.setConfig({ testTimeout: 60_000 });

let world: World;
beforeAll(async () => {
  world = await startWorld({ deployed: true });
});
afterAll(() => world?.end());
beforeEach(() => {
  world.management.fault = undefined;
  world.management.status = "ACTIVE_HEALTHY";
  world.forgetsSecrets = false;
  world.telegram.client.clearFaults();
});

/** Kept, so that each run finds the same one. */
const SECRET = "a-webhook-secret_of-the-tests";

async function fails(
  args: string[],
  env: Record<string, string | undefined>,
  ...says: (string | RegExp)[]
): Promise<Run> {
  const run = await world.deploy(["--wait", "0", ...args], { TELEGRAM_WEBHOOK_SECRET: SECRET, ...env });
  expect.soft(run.code, run.output).toBe(1);
  for (const words of says) expect.soft(run.output).toMatch(words);
  expect.soft(run.output).toMatch(/\n\nWhat to do: \S/);
  expect.soft(run.output).not.toMatch(/^\s+at /m);
  showsNoSecret(run, env);
  return run;
}

function showsNoSecret({ output }: Run, env: Record<string, string | undefined> = {}): void {
  for (const value of [...world.secrets, SECRET]) expect.soft(output).not.toContain(value);
  for (const [name, value] of Object.entries(env)) {
    if (/TOKEN|PASSWORD|DB_URL/.test(name) && value) expect.soft(output).not.toContain(value);
  }
}

test("settings that are missing or wrong are all named, and nobody is asked", async () => {
  const asked = world.management.requests.length;
  const wrong = {
    SUPABASE_PROJECT_REF: "My Project",
    SUPABASE_ACCESS_TOKEN: undefined,
    SUPABASE_DB_URL: "mysql://root:hunter2@db/x",
    SUPABASE_API_URL: "http://api.example.com",
    TELEGRAM_BOT_TOKEN: "hunter2hunter2",
    TELEGRAM_ADMIN_IDS: "@ada",
  };
  const { output } = await fails(
    [],
    wrong,
    "- SUPABASE_PROJECT_REF is not the 20 characters",
    "- SUPABASE_ACCESS_TOKEN is missing: a token of https://supabase.com/dashboard/account/tokens",
    "- SUPABASE_DB_URL is not a postgresql:// address",
    "- SUPABASE_API_URL is not an https address",
    "- TELEGRAM_BOT_TOKEN is not a bot token",
    "- TELEGRAM_ADMIN_IDS is not whole numbers",
  );
  expect(output).not.toContain("hunter2");
  expect(world.management.requests).toHaveLength(asked);
});

test("a refused access token", async () => {
  const token = `sbp_${"f".repeat(40)}`;
  await fails(
    [],
    { SUPABASE_ACCESS_TOKEN: token },
    /^✗ settings/m,
    "does not accept SUPABASE_ACCESS_TOKEN: 401 Unauthorized",
  );
});

test("another project", async () => {
  await fails(
    [],
    { SUPABASE_PROJECT_REF: "zzzzzzzzzzzzzzzzzzzz" },
    "has no project zzzzzzzzzzzzzzzzzzzz for this token: 404",
  );
});

test("a paused project", async () => {
  world.management.status = "INACTIVE";
  await fails([], {}, "The project my project is INACTIVE.");
});

test("a management API that is away", async () => {
  await fails([], { SUPABASE_API_URL: "http://127.0.0.1:9" }, "http://127.0.0.1:9 does not answer");
});

test("a bot token that Telegram does not know", async () => {
  const env = { TELEGRAM_BOT_TOKEN: "7009:AAnobody-has_this-one" };
  await fails([], env, /^✗ settings/m, "Telegram does not accept TELEGRAM_BOT_TOKEN: 401 Unauthorized");
  expect(world.management.secrets.get("TELEGRAM_BOT_TOKEN")).not.toBe(env.TELEGRAM_BOT_TOKEN);
});

test("a database that is away", async () => {
  const env = { SUPABASE_DB_URL: "postgresql://postgres:hunter2hunter2@127.0.0.1:9/postgres?sslmode=disable" };
  const { output } = await fails([], env, /^✗ database/m, /supabase db push failed \(exit code 1\):\n {2}\S/);
  expect(output).not.toContain("hunter2");
});

test("a database password that is wrong", async () => {
  const url = new URL(world.env["SUPABASE_DB_URL"]!);
  url.password = "hunter2hunter2";
  const { output } = await fails([], { SUPABASE_DB_URL: url.href }, /^✗ database/m, /password authentication failed/);
  expect(output).not.toContain("hunter2");
});

test("without SUPABASE_DB_URL the CLI asks Supabase for the way to the database", async () => {
  const env = { SUPABASE_DB_URL: undefined, SUPABASE_DB_PASSWORD: "hunter2hunter2" };
  const { output } = await fails(
    [],
    env,
    /^✗ database/m,
    "IPv6",
    "set SUPABASE_DB_URL to the session pooler's address",
  );
  expect(output).not.toContain("hunter2");
  expect(world.management.requests).toContain("GET /v1/projects/abcdefghijklmnopqrst/config/database/pooler");
});

test("an upload that fails, with secrets in what Supabase says", async () => {
  const said = `no room for ${[SECRET, ...world.secrets].join(" ")}`;
  world.management.fault = {
    matches: /POST .*\/functions\/deploy/,
    answer: () => Response.json({ message: said }, { status: 400 }),
  };
  const { output } = await fails(
    [],
    {},
    /^✓ database/m,
    /^✗ functions/m,
    /supabase functions deploy failed/,
    "no room for",
  );
  expect(output).not.toMatch(/^. secrets/m);
});

test("secrets that Supabase refuses", async () => {
  world.management.secrets.clear();
  world.management.fault = {
    matches: /POST .*\/secrets/,
    answer: () => Response.json({ message: `not ${SECRET}` }, { status: 400 }),
  };
  await fails([], {}, /^✓ functions/m, /^✗ secrets/m, /supabase secrets set failed/);
});

test("functions that their settings have not reached", async () => {
  world.forgetsSecrets = true;
  await fails([], {}, /^✓ test: ingest/m, /^✗ test: telegram/m, "with 503 This function is not configured yet.");
});

test("a webhook that Telegram refuses", async () => {
  world.telegram.client.fault({
    method: "setWebhook",
    fault: {
      kind: "respond",
      status: 400,
      body: { ok: false, error_code: 400, description: "Bad Request: bad webhook" },
    },
  });
  await fails([], {}, /^✗ Telegram/m, "Telegram refuses setWebhook: 400 Bad Request: bad webhook");
});

test("a function that Telegram does not let show a screen", async () => {
  world.telegram.client.fault({
    method: "editMessageText",
    times: 20,
    fault: { kind: "respond", status: 400, body: { ok: false, error_code: 400, description: "Bad Request: no" } },
  });
  await fails([], {}, /^✗ test: admin/m, "took the press of a button, but has not shown a screen");
});

test("what a person should know, and is no failure", async () => {
  const db = world.cluster.client("supabase_admin");
  await db.connect();
  try {
    await db.query("update tracegram.settings set alert_url = 'https://example.com/mine'");
    const run = await world.deploy([], { TELEGRAM_WEBHOOK_SECRET: SECRET, TELEGRAM_ADMIN_IDS: "1002,1001" });
    expect(run.code, run.output).toBe(0);
    expect(run.output).toMatch(/^ {2}! 1002 has not started the bot: open https:\/\/t\.me\/my_admin_bot, press Start/m);
    expect(run.output).toMatch(/^ {2}! alerts go to an address of yours/m);
    expect((await db.query("select alert_url from tracegram.settings")).rows).toEqual([{
      alert_url: "https://example.com/mine",
    }]);
    showsNoSecret(run);
  } finally {
    await db.query("update tracegram.settings set alert_url = null").finally(() => db.end());
  }
});

test("without any admin who has started the bot, nothing was seen to work", async () => {
  await fails([], { TELEGRAM_ADMIN_IDS: "1002" }, /^✗ test: admin/m, "no admin has started the bot");
});

test("Ctrl-C during the upload, then while secrets are set: no process and no file is left, and the next run goes on", async () => {
  world.management.secrets.clear();
  for (const matches of [/POST .*\/functions\/deploy/, /POST .*\/secrets/]) {
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => arrive = resolve);
    world.management.fault = {
      matches,
      answer: () => {
        arrive();
        return new Promise<Response>(() => {}); // until the client goes
      },
    };
    const run = world.start([], { TELEGRAM_WEBHOOK_SECRET: SECRET });
    await arrived;
    run.interrupt();
    const ended = await run.ended;
    expect(ended.code, ended.output).toBe(130);
    expect(ended.output).toMatch(/Broken off\. Run npm run deploy again/);
    showsNoSecret(ended);
    expect(world.processes()).toEqual([]);
  }
  world.management.fault = undefined;
  const next = await world.deploy([], { TELEGRAM_WEBHOOK_SECRET: SECRET });
  expect(next.code, next.output).toBe(0);
  expect(next.output).toMatch(/^✓ secrets .* set TELEGRAM_BOT_TOKEN, /m);
});

test.for([[["--help"], 0], [["--nonsense"], 2]] as const)("%j", async ([args, code]) => {
  const run = await world.deploy([...args]);
  expect(run.code).toBe(code);
  expect(run.output).toContain("npm run deploy -- --dry-run");
});
