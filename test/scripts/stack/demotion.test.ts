/** A real cluster, made and started by each kind of user, in user namespaces so that no real one has to be there. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { POSTGRES_DIR } from "../../../scripts/stack/stack.ts";

const file = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../../${path}`, import.meta.url)));

/** Says as whom Postgres runs here, what it answers, and whether stopping it ends it. */
const PROGRAM = `
  import { statSync } from "node:fs";
  import { installPostgres, initCluster, startCluster } from ${file("scripts/stack/postgres.ts")};
  const [dir, programs] = process.argv.slice(2);
  try {
    const bin = await installPostgres(programs, console.error);
    await initCluster(bin, dir + "/data", dir + "/log");
    const cluster = await startCluster(bin, { data: dir + "/data", port: 0, log: dir + "/log" });
    const db = cluster.client("postgres");
    await db.connect();
    const { rows: [row] } = await db.query("select current_user as role, usesuper from pg_user where usename = current_user");
    await db.end();
    const postgres = statSync("/proc/" + cluster.child.pid).uid;
    await cluster.child.stop();
    console.log(JSON.stringify({ uid: process.getuid(), postgres, ...row, running: cluster.child.running() }));
  } catch (error) {
    console.log(JSON.stringify({ failure: error.name, message: error.message, todo: error.todo }));
  }`;

function runIn(prefix: string[]): Record<string, unknown> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "demotion-")));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, "program.mts"), PROGRAM);
  const command = [...prefix, process.execPath, "--import", "tsx", join(dir, "program.mts"), dir, POSTGRES_DIR];
  const { stdout, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
  expect(stdout, stderr).not.toBe("");
  return JSON.parse(stdout);
}

const NAMESPACES = spawnSync("unshare", ["--user", "true"]).status === 0;
const RUNS = { role: "postgres", usesuper: false, running: false };

test("as the user of this test: root's Postgres is nobody's", () => {
  const uid = process.getuid!();
  const { postgres, ...rest } = runIn([]);
  expect(rest).toEqual({ uid, ...RUNS });
  if (uid !== 0) expect(postgres).toBe(uid);
  else if (spawnSync("setpriv", ["--reuid=65534", "true"]).status === 0) expect(postgres).toBe(65534);
});

test.skipIf(!NAMESPACES)("an ordinary user (needs user namespaces)", () => {
  // 1 is `daemon` on every Debian.
  expect(runIn(["unshare", "--user", "--map-user=1", "--map-group=1", "--"])).toEqual({ uid: 1, postgres: 1, ...RUNS });
});

test.skipIf(!NAMESPACES)("a user without a name is told so (needs user namespaces)", () => {
  expect(runIn(["unshare", "--user", "--map-user=54321", "--map-group=54321", "--"])).toEqual({
    failure: "Failure",
    message: expect.stringContaining("user id 54321 is not in /etc/passwd"),
    todo: expect.any(String),
  });
});

test.skipIf(!NAMESPACES)("a root that owns no other user id (needs user namespaces)", () => {
  const { postgres: _, ...rest } = runIn(["unshare", "--user", "--map-root-user", "--"]);
  expect(rest).toEqual({ uid: 0, ...RUNS });
});

test.skipIf(!NAMESPACES)("a root that owns no other user id and may make no namespace (needs user namespaces)", () => {
  const forbid = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"';
  expect(runIn(["unshare", "--user", "--map-root-user", "--", "sh", "-c", forbid, "sh"])).toEqual({
    failure: "Failure",
    message: expect.stringContaining("Postgres must not run as root"),
    todo: expect.stringContaining("Run as an ordinary user"),
  });
});
