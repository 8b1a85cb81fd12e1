/**
 * Writes supabase/migrations/ from sql/. `--check` only compares, and fails when the migration is stale.
 *
 * Until the first release there is one init migration, made anew each time.
 *
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const SQL = new URL("../sql/", import.meta.url);
const MIGRATION = new URL("../supabase/migrations/20260101000000_init.sql", import.meta.url);

/** The migration that sql/ makes: its files in the order of their names. */
export function readMigration(): string {
  const files = readdirSync(SQL).filter((name) => name.endsWith(".sql")).sort();
  const parts = files.map((name) => readFileSync(new URL(name, SQL), "utf8").trimEnd());
  return ["-- Made from sql/ by `npm run migration`. Edit there.", ...parts].join("\n\n") + "\n";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = readMigration();
  if (!process.argv.includes("--check")) writeFileSync(MIGRATION, wanted);
  else if (readFileSync(MIGRATION, "utf8") !== wanted) {
    console.error("supabase/migrations/ is older than sql/. Run `npm run migration`.");
    process.exitCode = 1;
  }
}
