/** A whole stack, as the gateway shows it and as the kernel sees it. */
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { freePort } from "../../../scripts/stack/ports.ts";
import { startStack } from "../../../scripts/stack/stack.ts";
import { ANY_PORTS } from "../../_support/global.ts";
import { copyTemplate, startTestStack, type TestStack } from "../../_support/stack.ts";
import { makeTrace } from "../../_support/traces.ts";
import { processesOf, untilNone } from "../_support.ts";

let stack: TestStack;
beforeAll(async () => void (stack = await startTestStack()));
afterAll(() => stack?.end());

const rpc = (name: string, headers: Record<string, string>, args: object) =>
  fetch(`${stack.info.api_url}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(args),
  });

/** `<address>:<port>` of each TCP socket that a process listens on, from the kernel's tables. */
function listening(pids: number[]): string[] {
  const inodes = new Set(pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // closed meanwhile
      }
    })
  ));
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) =>
    readFileSync(file, "utf8").trim().split("\n").slice(1).flatMap((line) => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state !== "0A" || !inodes.has(inode!)) return [];
      const [address, port] = local!.split(":");
      return `${address === "0100007F" ? "127.0.0.1" : address}:${parseInt(port!, 16)}`;
    })
  );
}

test("everything listens on 127.0.0.1 and nowhere else", () => {
  const folder = dirname(dirname(stack.children[0]!.log));
  const pids = [process.pid, ...processesOf(folder), ...stack.children.map(({ pid }) => pid)];
  const sockets = listening(pids);
  for (const url of [stack.info.api_url, stack.info.db_url, stack.info.telegram_url]) {
    expect(sockets).toContain(`127.0.0.1:${new URL(url).port}`);
  }
  // Beside those three: PostgREST's two, and each function's.
  expect(sockets.length).toBeGreaterThanOrEqual(3 + 2 + Object.keys(stack.info.functions).length);
  expect(sockets.filter((socket) => !socket.startsWith("127.0.0.1:"))).toEqual([]);
});

test("nobody else of this machine may read its secrets", () => {
  const folder = dirname(dirname(stack.children[0]!.log));
  for (const name of ["secrets.json", "ingest_key"]) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
});

test("a key is a role: anon sends traces and reads none, service_role reads them", async () => {
  const { anon_key, service_role_key, ingest_key } = stack.info;
  const batch = { p_key: ingest_key, p_batch: [makeTrace()] };
  expect((await rpc("ingest_traces", {}, batch)).status).toBe(401);
  expect((await rpc("ingest_traces", { apikey: "x" }, batch)).status).toBe(401);
  expect((await rpc("ingest_traces", { apikey: anon_key }, batch)).status).toBe(200);
  expect((await rpc("list_traces", { apikey: anon_key }, {})).status).toBe(401);
  expect((await rpc("list_traces", { apikey: service_role_key }, {})).status).toBe(200);
  const both = { apikey: anon_key, authorization: `Bearer ${service_role_key}` };
  expect((await rpc("list_traces", both, {})).status).toBe(200);
  expect((await rpc("list_traces", { ...both, authorization: "Bearer x" }, {})).status).toBe(401);
});

test("what the database posts goes out", async () => {
  const db = stack.client("postgres");
  await db.connect();
  onTestFinished(() => db.end());
  const { rows: [{ id }] } = await db.query("select net.http_post($1) as id", [stack.info.functions["ingest"]]);
  const status = async () => (await db.query("select status_code from net._http_response where id = $1", [id])).rows;
  await expect.poll(status, { timeout: 20_000 }).toEqual([{ status_code: 401 }]);
});

test("a start that fails half-way leaves nothing running", async () => {
  const { dir, remove } = copyTemplate();
  // By then Postgres and PostgREST run.
  const failing = startStack({
    dir,
    deployed: true,
    env: ANY_PORTS,
    telegram: { bots: [{ token: "no token", username: "no_bot" }] },
  });
  await expect(failing).rejects.toThrow("a bot token looks like");
  expect(await untilNone(dir)).toEqual([]);
  remove();
});

test("a busy port is found before anything starts", async () => {
  const { dir, remove } = copyTemplate();
  const busy = new URL(stack.info.api_url).port;
  await expect(startStack({ dir, deployed: true, env: { ...ANY_PORTS, STACK_API_PORT: busy } })).rejects.toThrow(
    `Port ${busy} (STACK_API_PORT) is in use.`,
  );
  expect(processesOf(dir)).toEqual([]);
  const free = String(await freePort());
  const started = await startStack({ dir, deployed: true, env: { ...ANY_PORTS, STACK_API_PORT: free } });
  expect(started.info.api_url).toBe(`http://127.0.0.1:${free}`);
  await started.stop();
  expect(await untilNone(dir)).toEqual([]);
  remove();
});

test("a database made from other migrations is not taken for a current one", async () => {
  const { dir, remove } = copyTemplate();
  const note = join(dir, "migrations.json");
  const [name] = Object.keys(JSON.parse(readFileSync(note, "utf8")) as object);
  writeFileSync(note, JSON.stringify({ [name!]: "another" }));
  await expect(startStack({ dir, env: ANY_PORTS })).rejects.toMatchObject({
    message: `This stack's database was made from another ${name}.`,
    todo: expect.stringContaining("npm run stack -- reset"),
  });
  expect(await untilNone(dir)).toEqual([]);
  remove();
});
