/**
 * npm run docs:wire: writes docs/wire.schema.json, the JSON Schema (draft 7) of what a sender may send, from tracer/wire.ts.
 * `--check` only compares, and fails when it is stale.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createGenerator } from "ts-json-schema-generator";

const SCHEMA = new URL("../docs/wire.schema.json", import.meta.url);
const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The text of docs/wire.schema.json. */
export function wireSchema(): string {
  const { $schema, ...schema } = createGenerator({
    path: `${ROOT}tracer/wire.ts`,
    tsconfig: `${ROOT}tsconfig.json`,
    skipTypeCheck: true, // tsc does it
    topRef: false,
    additionalProperties: true, // the server passes over fields that it does not know
  }).createSchema("WireBatch");
  const whole = { $schema, $comment: "Made from tracer/wire.ts by `npm run docs:wire`.", ...schema };
  const json = JSON.stringify(whole, (key, value) => key === "description" ? plain(value) : value, 2);
  return `${json}\n`;
}

/** Links name their target. */
const plain = (text: string): string => text.replace(/ *\{ *@link +(.*?) *\} */g, " `$1` ").trim();

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = wireSchema();
  if (!process.argv.includes("--check")) writeFileSync(SCHEMA, wanted);
  else if (readFileSync(SCHEMA, "utf8") !== wanted) {
    console.error("docs/wire.schema.json does not say what tracer/wire.ts says. Run `npm run docs:wire`.");
    process.exitCode = 1;
  }
}
