/** Results for people: a table on the terminal, and RESULTS.md. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Clusters } from "./cluster.ts";
import type { Size } from "./context.ts";
import type { Result } from "./measure.ts";

const FILE = fileURLToPath(new URL("RESULTS.md", import.meta.url));

const number = (value: number | null) =>
  value === null ? "" : value.toLocaleString("en", { maximumSignificantDigits: 4 });

function cells({ case: what, metric, value, unit, against, ratio, bar, ok }: Result): string[] {
  const verdict = ok === null ? "" : ok ? "ok" : "missed";
  return [`${what}: ${metric}`, number(value), unit, number(against), number(ratio), bar ?? "", verdict];
}

const HEAD = ["what", "measured", "", "against", "ratio", "bar", ""];
const IS_NUMBER = [false, true, false, true, true, false, false];

export function table(bench: string, results: readonly Result[]): string {
  const rows = [[bench, ...HEAD.slice(1)], ...results.map(cells)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const pad = (cell: string, i: number) => IS_NUMBER[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** Puts the benchmarks that ran into RESULTS.md. */
export async function writeResults(results: readonly Result[], size: Size, clusters: Clusters): Promise<void> {
  const before = existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
  const alone = results.every(({ bench }) => bench === "tracer");
  const conditions = `${size} size, ${new Date().toISOString().slice(0, 10)}, ${commit()}; ${await machine(
    alone ? undefined : clusters,
  )}`;
  writeFileSync(FILE, resultsPage(before, results, conditions));
}

/** The page with these results; benchmarks that did not run stay as they are in `before`. */
export function resultsPage(before: string, results: readonly Result[], conditions: string): string {
  const old = before.split(/^(?=## )/m).slice(1);
  const sections = new Map(old.map((text) => [/^## (.*)/.exec(text)![1]!, text.trimEnd()]));
  for (const bench of new Set(results.map((result) => result.bench))) {
    const rows = [
      HEAD,
      IS_NUMBER.map((is) => is ? "--:" : "---"),
      ...results.filter((result) => result.bench === bench).map(cells),
    ];
    const lines = rows.map((row) => `| ${row.join(" | ")} |`);
    sections.set(bench, [`## ${bench}`, "", `${conditions}.`, "", ...lines].join("\n"));
  }
  return [ABOUT, ...sections.values()].join("\n\n") + "\n";
}

const ABOUT = `# Benchmarks

Made by \`npm run bench -- --size full --write\`; what each question means is at the top of its file here. "Against" is what the
line is compared with, in the same unit; the ratio is measured / against. Lines without a bar are for understanding.

\`tracer\` and \`bot\` are about the library in the bot's process, the others about the database.

The plain design is what people write first: one table of jsonb documents as they come, with a random uuid as its key and a
btree on \`created_at\`; pages by \`offset\` and \`count(*)\`, retention by DELETE (\`data.sql\`). It runs in the same Postgres, in
turn with what it is compared with.`;

/** What was measured: the commit, and whether it had been changed. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", fileURLToPath(new URL(".", import.meta.url)), ...args], { encoding: "utf8" }).trim();
  try {
    return `commit ${git("rev-parse", "--short", "HEAD")}${
      git("status", "--porcelain", "--", "../../sql", "../../tracer") ? " with changes" : ""
    }`;
  } catch {
    return "not in a repository";
  }
}

const SETTINGS = ["shared_buffers", "work_mem", "max_wal_size", "fsync", "full_page_writes", "wal_level", "jit"];

/** Without clusters, no Postgres was asked. */
async function machine(clusters?: Clusters): Promise<string> {
  const postgres = clusters ? `, ${await postgresOf(clusters)}` : "";
  const [cpu] = cpus();
  return `${cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), ${
    Math.round(totalmem() / 2 ** 30)
  } GB of memory, Node ${process.versions.node}${postgres}`;
}

async function postgresOf(clusters: Clusters): Promise<string> {
  const cluster = await clusters.start();
  const db = await cluster.connect();
  const { rows: [{ version }] } = await db.query("select current_setting('server_version') as version");
  const { rows: [{ settings }] } = await db.query(
    "select string_agg(name || ' ' || current_setting(name), ', ' order by n) as settings from unnest($1::text[]) with ordinality as s (name, n)",
    [SETTINGS],
  );
  await cluster.drop();
  return `Postgres ${version} as the local stack runs it (${settings})`;
}
