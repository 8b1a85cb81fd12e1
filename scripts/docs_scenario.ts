/**
 * npm run docs:scenario: writes docs/scenario.schema.json, the JSON Schema (draft 7) of a scenario in YAML, from
 * functions/synthetic/scenario.ts. `--check` only compares, and fails when it is stale.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createGenerator } from "ts-json-schema-generator";

const SCHEMA = new URL("../docs/scenario.schema.json", import.meta.url);
const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The text of docs/scenario.schema.json. */
export function scenarioSchema(): string {
  const { $schema, ...schema } = createGenerator({
    path: `${ROOT}functions/synthetic/scenario.ts`,
    tsconfig: `${ROOT}tsconfig.json`,
    skipTypeCheck: true, // tsc does it
    topRef: false,
    additionalProperties: false, // a key with a typing error would expect nothing
  }).createSchema("Scenario");
  const $comment = "Made from functions/synthetic/scenario.ts by `npm run docs:scenario`.";
  return `${JSON.stringify({ $schema, $comment, ...schema }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = scenarioSchema();
  if (!process.argv.includes("--check")) writeFileSync(SCHEMA, wanted);
  else if (readFileSync(SCHEMA, "utf8") !== wanted) {
    console.error("docs/scenario.schema.json does not say what scenario.ts says. Run `npm run docs:scenario`.");
    process.exitCode = 1;
  }
}
