/** sql/README.md, from the catalogue. To be read in an editor as well as on a page: lines are wrapped, columns aligned. */
import type { Catalogue, Column, Fn, Relation } from "./catalogue.ts";

const WIDTH = 120;

const INTRO = `# The database

<!-- Made from the catalogue by \`npm run docs:sql\`. What it says comes from the comments in these files: edit there. -->

Schema \`tracegram\` holds every table, and no API role can enter it. What PostgREST serves are the functions in \`public\`:
they run as their owner, and each is granted by name. \`anon\`, whom anybody can be, may call \`ingest_traces\` alone, which
wants an ingest key; all else is for \`service_role\`, which the edge functions are, and for you in the SQL editor. Row level
security is on for every table, with a policy that lets nobody in.

The files are in the order in which they load, and that is the way of a trace; the header of each says who writes, reads
and drops what it holds. Times are UTC, to the millisecond; durations are whole milliseconds, money is whole
micro-dollars. Null means not known, never 0. An error that a caller can act on has a SQLSTATE \`TG…\`, and the function's
text below says what to do.`;

export function renderPage(catalogue: Catalogue): string {
  const served = catalogue.functions.filter(({ schema }) => schema === "public");
  const internal = catalogue.functions.filter(({ schema }) => schema !== "public");
  return [
    ...INTRO.split("\n\n").map((paragraph) => wrap(paragraph)),
    "## Functions for callers",
    ...served.flatMap(renderFunction),
    "## Tables",
    ...catalogue.tables.flatMap(renderRelation),
    "## Views",
    ...catalogue.views.flatMap(renderRelation),
    "## Types",
    ...catalogue.types.flatMap(renderRelation),
    "## Internal functions",
    "For no API role; here by their first line.",
    internal.map(renderInternal).join("\n"),
    "## Jobs",
    "What pg_cron does. Times are UTC.",
    renderTable(
      ["job", "schedule", "command"],
      catalogue.jobs.map(({ name, schedule, command }) => [`\`${name}\``, `\`${schedule}\``, `\`${command}\``]),
    ),
  ].join("\n\n") + "\n";
}

function renderFunction(fn: Fn): string[] {
  const oneLine = `${fn.name}(${fn.args.join(", ")}) returns ${fn.result}`;
  const signature = oneLine.length <= WIDTH
    ? oneLine
    : `${fn.name}(\n${fn.args.map((arg) => `  ${arg}`).join(",\n")}\n) returns ${fn.result}`;
  const [summary, rest] = splitComment(fn.comment);
  return [
    `### ${fn.name}`,
    "```sql\n" + signature + "\n```",
    wrap(prose(summary)),
    ...(rest ? ["```text\n" + rest + "\n```"] : []),
    `May be called by: ${fn.callers.join(", ") || "nobody but its owner"}.`,
  ];
}

function renderRelation(relation: Relation): string[] {
  const partitioned = relation.partitioned ? ` Partitioned by ${relation.partitioned}.` : "";
  return [
    `### ${relation.name}`,
    wrap(prose(relation.comment ?? "") + partitioned),
    renderColumns(relation),
    ...(relation.indexes.length > 0 ? ["Indexes:", relation.indexes.map(renderIndex).join("\n")] : []),
  ];
}

/** Only with what there is to say: a view's columns are neither `not null` nor, often, commented. */
function renderColumns({ columns }: Relation): string {
  const has = (says: (column: Column) => boolean) => columns.some(says);
  const shown: [string, (column: Column) => string][] = [
    ["column", ({ name }) => `\`${name}\``],
    ["type", ({ type }) => type],
  ];
  if (has(({ nullable }) => !nullable)) shown.push(["null", ({ nullable }) => nullable ? "null" : ""]);
  if (has(({ comment }) => comment !== null)) shown.push(["meaning", ({ comment }) => prose(comment ?? "")]);
  return renderTable(shown.map(([head]) => head), columns.map((column) => shown.map(([, cell]) => cell(column))));
}

const renderIndex = ({ name, definition, comment }: Relation["indexes"][0]) =>
  wrap(`- \`${name}\`: ${definition}${comment ? `. ${prose(comment)}` : ""}`, "  ");

const renderInternal = (fn: Fn) =>
  wrap(`- \`${fn.name}(${fn.args.join(", ")})\` ${prose(splitComment(fn.comment)[0])}`, "  ");

/** The first paragraph, and the rest as it was laid out. */
function splitComment(comment: string | null): [string, string] {
  const [summary = "", ...rest] = (comment ?? "").split("\n\n");
  return [summary, rest.join("\n\n").trimEnd()];
}

/** A comment as running text of a page: in one line, and nothing in it is markup. */
const prose = (comment: string) => comment.replace(/\s+/g, " ").trim().replace(/[|<*`\\]/g, "\\$&");

/** The last column is as wide as it is; the others are aligned. */
function renderTable(heads: string[], rows: string[][]): string {
  const widths = heads.map((head, i) => Math.max(head.length, 3, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) => {
    const aligned = cells.map((cell, i) => i < cells.length - 1 ? cell.padEnd(widths[i]!) : cell);
    return `| ${aligned.join(" | ")} |`.replace(/ +\|$/, " |");
  };
  const rule = `|${heads.map((_, i) => "-".repeat(i < heads.length - 1 ? widths[i]! + 2 : 3)).join("|")}|`;
  return [line(heads), rule, ...rows.map(line)].join("\n");
}

/**
 * Words in lines of at most `WIDTH`, where no word is longer. What is in backticks stays in one, and what would begin a list or
 * a heading stays with the word before it.
 */
function wrap(text: string, indent = ""): string {
  const words = text.match(/(?:`[^`]*`|\S)+(?: (?:\d+[.)]|[-+#>]\S*)(?=\s|$))*/g) ?? [];
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(indent + word);
  }
  return lines.join("\n");
}
