/** `supabase db push`, the real one, against a database by its address. */
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
  try {
    const args = ["db", "push", "--db-url", `${dbUrl}?sslmode=disable`, "--yes", "--workdir", ROOT];
    const { stderr, stdout } = await run(process.execPath, [supabaseProgram(), ...args], { env: supabaseEnv(home) });
    return stderr + stdout;
  } catch (error) {
    const { stderr = "", stdout = "" } = error as { stderr?: string; stdout?: string };
    throw new Error(`supabase db push failed:\n${stderr}${stdout}`.trimEnd(), { cause: error });
  }
}
