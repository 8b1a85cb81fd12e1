/** `npm run stack`, each command a process as a person would start it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, vi } from "vitest";
import { isAlive } from "../../../scripts/stack/processes.ts";
import { stackDir } from "../../../scripts/stack/stack.ts";
import { readState } from "../../../scripts/stack/state.ts";
import { makeTrace } from "../../_support/traces.ts";
import { commandLine, type Folder, kill, NO_FOLDER, processesOf, stack, test, untilNone } from "../_support.ts";

// They mostly wait.
vi.setConfig({ testTimeout: 90_000, maxConcurrency: 3 });

async function up(folder: Folder, env: Record<string, string> = {}) {
  const { code, output } = await stack(folder, ["up"], env).ended;
  if (code !== 0) throw new Error(`up failed (${code}):\n${output}`);
  return { output, state: readState(folder.dir)! };
}
const run = async (folder: Folder, ...args: string[]) => await stack(folder, args).ended;

test.concurrent("up, status, up again, with another setting, down, status, reset", async ({ folder, expect }) => {
  const { state } = await up(folder);

  const { code, output } = await run(folder, "status", "--json");
  expect(code).toBe(0);
  expect(output).toMatch(/^[^\n]+\n$/);
  const status = JSON.parse(output);
  expect(status).toEqual({
    running: true,
    api_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    db_url: expect.stringMatching(/^postgresql:\/\/postgres:postgres@127\.0\.0\.1:\d+\/postgres$/),
    anon_key: expect.any(String),
    service_role_key: expect.any(String),
    ingest_key: expect.stringMatching(/^tgk_/),
    functions: {
      ingest: `${status.api_url}/functions/v1/ingest`,
      synthetic: `${status.api_url}/functions/v1/synthetic`,
      telegram: `${status.api_url}/functions/v1/telegram`,
    },
    webhook_secret: expect.any(String),
    telegram_bot_token: expect.any(String),
    telegram_bot_username: "tracegram_admin_bot",
    telegram_admin_ids: [1001],
    telegram_api_root: status.telegram_url,
    telegram_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    example_bot_token: expect.any(String),
  });
  const sent = await fetch(status.functions.ingest, {
    method: "POST",
    headers: { authorization: `Bearer ${status.ingest_key}`, "content-type": "application/json" },
    body: JSON.stringify([makeTrace()]),
  });
  expect([sent.status, await sent.json()]).toEqual([200, expect.objectContaining({ stored: 1 })]);

  const again = await up(folder);
  expect(again.output).toMatch(/^The stack is running already\.\n/);
  expect(again.state).toEqual(state);

  const changed = await up(folder, { TELEGRAM_ADMIN_IDS: "5,6" });
  expect(changed.output).toMatch(/^TELEGRAM_ADMIN_IDS has changed: starting all of it again …\n/);
  expect(changed.state.info!.telegram_admin_ids).toEqual([5, 6]);
  expect([state.owner, ...state.parts].filter(isAlive)).toEqual([]);
  // The data and the keys are the same ones.
  expect(changed.state.info!.ingest_key).toBe(status.ingest_key);

  const pids = [changed.state.owner, ...changed.state.parts];
  expect(pids.filter(isAlive)).toHaveLength(6);
  expect(await run(folder, "down")).toEqual({ code: 0, output: "Stopped.\n" });
  expect(pids.filter(isAlive)).toEqual([]);
  expect(processesOf(folder.dir)).toEqual([]);

  expect(await run(folder, "status", "--json")).toEqual({ code: 3, output: '{"running":false}\n' });
  expect((await run(folder, "status")).output).toMatch(/not running.*npm run stack -- up/);
  expect(await run(folder, "down")).toEqual({ code: 0, output: "The stack is not running.\n" });

  expect((await run(folder, "reset")).code).toBe(0);
  expect(existsSync(folder.dir)).toBe(false);
});

test.concurrent("reset stops what runs, and the next up begins with nothing", async ({ folder, expect }) => {
  const { state } = await up(folder);
  expect((await run(folder, "reset")).output).toMatch(/^Stopped\.\n.*deleted/);
  expect(processesOf(folder.dir)).toEqual([]);
  expect(existsSync(folder.dir)).toBe(false);
  const { state: anew } = await up(folder); // with initdb and all migrations
  expect(anew.info!.ingest_key).not.toBe(state.info!.ingest_key);
  expect(anew.info!.service_role_key).not.toBe(state.info!.service_role_key);
});

test.concurrent("a killed supervisor takes all of its parts along, and up starts at once", async ({ folder, expect }) => {
  const { state } = await up(folder);
  kill(state.owner.pid);
  // At once: Postgres is still shutting down.
  const next = await up(folder);
  expect(state.parts.filter(isAlive)).toEqual([]);

  kill(next.state.owner.pid);
  expect(await untilNone(folder.dir)).toEqual([]);
  expect((await run(folder, "status")).code).toBe(3);
});

test.concurrent("a killed part: status says so, up repairs it", async ({ folder, expect }) => {
  const { state } = await up(folder);
  const part = state.parts.find(({ name }) => name === "function ingest")!;
  kill(part.pid);
  await expect.poll(() => isAlive(part)).toBe(false);

  const { code, output } = await run(folder, "status");
  expect(code).toBe(3);
  expect(output).toMatch(/^function ingest\s+ENDED, log .*ingest\.log$/m);
  expect(output).toMatch(/^function telegram\s+process \d+/m);
  expect(JSON.parse((await run(folder, "status", "--json")).output)).toMatchObject({ running: false });

  const repaired = await up(folder);
  expect(repaired.output).toMatch(/^function ingest has ended: starting all of it again …\n/);
  expect((await run(folder, "status")).code).toBe(0);
});

describe("Ctrl-C in the middle of up leaves no process", () => {
  test.concurrent.for<[string, RegExp]>([
    ["during db push", /supabase db push/],
    ["while the functions start", /functions: starting/],
  ])("%s", async ([, moment], { folder, expect }) => {
    const starting = stack(folder, ["up"]);
    await starting.shows(moment);
    starting.signal("SIGINT");
    const { code } = await starting.ended;
    // On a busy machine the signal may come when `up` is done: then the stack stays, as after any `up`.
    if (code === 0) return expect((await run(folder, "status")).code).toBe(0);
    expect(code).toBe(130);
    expect(await untilNone(folder.dir)).toEqual([]);
    expect(readState(folder.dir)).toBeUndefined();
  });

  test.concurrent("before the supervisor can hear it", async ({ folder, expect }) => {
    const starting = stack(folder, ["up"]);
    const isSupervisor = (pid: number) => commandLine(pid).includes("supervisor.ts");
    await expect.poll(() => processesOf(folder.dir).some(isSupervisor), { interval: 1, timeout: 10_000 }).toBe(true);
    starting.signal("SIGINT");
    expect((await starting.ended).code).toBe(130);
    expect(await untilNone(folder.dir)).toEqual([]);
  });
});

test.concurrent("two ups at once: one starts it, the other says so", async ({ folder, expect }) => {
  const outcomes = await Promise.all([run(folder, "up"), run(folder, "up")]);
  expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 1]);
  expect(outcomes.find(({ code }) => code === 1)!.output).toMatch(
    /The stack is (just being started|already running).*: npm run stack -- up/,
  );
  expect((await run(folder, "status")).code).toBe(0);
});

test.concurrent("a busy port that was asked for is named, and nothing is left", async ({ folder, expect, onTestFinished }) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const { code, output } = await stack(folder, ["up"], { STACK_TELEGRAM_PORT: String(port) }).ended;
  expect(code).toBe(1);
  expect(output).toContain(`Port ${port} (STACK_TELEGRAM_PORT) is in use.\nSet STACK_TELEGRAM_PORT to another port`);
  expect(output).not.toMatch(/^\s+at /m);
  expect(await untilNone(folder.dir)).toEqual([]);
});

test.concurrent.for<[string[], number]>([[["up", "--help"], 0], [[], 2], [["up", "--json"], 2]])(
  "stack %j shows the help, exit code %i",
  async ([args, expected], { expect }) => {
    const { code, output } = await stack(NO_FOLDER, args).ended;
    expect(code).toBe(expected);
    expect(output).toContain("npm run stack -- up");
  },
);

test.concurrent("STACK_NAME names a folder of its own below .stack, and never a path", async ({ expect }) => {
  expect(stackDir("")).toMatch(/\/\.stack\/local$/);
  expect(stackDir("b-2")).toMatch(/\/\.stack\/local-b-2$/);
  for (const name of ["../x", "a/b", ".", "a b", "x".repeat(41)]) {
    expect(() => stackDir(name)).toThrow(`STACK_NAME=${name} is not a name.`);
  }
  const { code, output } = await stack(NO_FOLDER, ["reset"], { STACK_NAME: "../.." }).ended;
  expect([code, output]).toEqual([1, expect.stringContaining("STACK_NAME=../.. is not a name.")]);
  expect(existsSync(join(stackDir(""), "../../package.json"))).toBe(true);
});

test.concurrent.for<[string, Record<string, string>, RegExp]>([
  [
    "a setting that the function would refuse",
    { TELEGRAM_ADMIN_IDS: "Ada" },
    /^Settings that are not right:\n- TELEGRAM_ADMIN_IDS is not/m,
  ],
  ["an address that is none", { TELEGRAM_API_ROOT: "notaurl" }, /^- TELEGRAM_API_ROOT is not an http/m],
])("up refuses %s, before anything starts", async ([, env, message], { folder, expect }) => {
  const { code, output } = await stack(folder, ["up"], env).ended;
  expect(code).toBe(1);
  expect(output).toMatch(message);
  expect(processesOf(folder.dir)).toEqual([]);
});
