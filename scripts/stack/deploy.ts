/** The real `supabase` CLI, above all `db push`, on a database by its address. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Failure } from "./failure.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What `supabase` needs to stay off the network and out of the home folder. */
export const supabaseEnv = (home: string): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: home,
  SUPABASE_HOME: home,
  SUPABASE_TELEMETRY_DISABLED: "1",
  SUPABASE_NO_UPDATE_NOTIFIER: "1",
});

/** Where the CLI's own start script is. */
export function supabaseProgram(): string {
  return join(dirname(createRequire(import.meta.url).resolve("supabase/package.json")), "dist/supabase.js");
}

/**
 * Applies the migrations that are not applied yet. Resolves to what the CLI said.
 *
 * @param note File that keeps what each applied migration was, for the CLI looks at their names alone.
 * @throws {Failure} when one that was applied has changed since.
 */
export async function pushMigrations(dbUrl: string, home: string, note: string): Promise<string> {
  const now = migrationHashes();
  const before = existsSync(note) ? JSON.parse(readFileSync(note, "utf8")) as Record<string, string> : {};
  const changed = Object.keys(before).filter((name) => before[name] !== now[name]);
  if (changed.length > 0) {
    throw new Failure(
      `This stack's database was made from another ${changed.join(", ")}.`,
      "Make it anew, without its data: npm run stack -- reset",
    );
  }
  const said = await push(dbUrl, home);
  writeFileSync(note, JSON.stringify(now));
  return said;
}

function migrationHashes(): Record<string, string> {
  const dir = join(ROOT, "supabase/migrations");
  return Object.fromEntries(
    readdirSync(dir).filter((name) => name.endsWith(".sql")).map((name) => [
      name,
      createHash("sha256").update(readFileSync(join(dir, name))).digest("hex"),
    ]),
  );
}

async function push(dbUrl: string, home: string): Promise<string> {
  const { code, stdout, stderr } = await supabase(["db", "push", "--yes"], dbUrl, home);
  if (code !== 0) throw new Error(`supabase db push failed:\n${stderr}${stdout}`.trimEnd());
  return stderr + stdout;
}

/** Runs the CLI on a database, without TLS. Resolves to what it said, also when it failed. */
export async function supabase(
  args: readonly string[],
  dbUrl: string,
  home: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const where = ["--db-url", `${dbUrl}?sslmode=disable`, "--workdir", ROOT];
  try {
    const command = [supabaseProgram(), ...args, ...where];
    return { code: 0, ...await run(process.execPath, command, { env: supabaseEnv(home), maxBuffer: 64 << 20 }) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== "number") throw error;
    return { code, stdout: stdout ?? "", stderr: stderr ?? "" };
  }
}
