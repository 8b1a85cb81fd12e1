/** What docs/scenario.schema.json has to say against a scenario, in words that help. */
import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { type Finding, type Path, pathWords } from "./problem.ts";

const SCHEMA = new URL("../../docs/scenario.schema.json", import.meta.url);

let validate: ValidateFunction | undefined;

export function bySchema(scenario: unknown): Finding[] {
  validate ??= new Ajv({ allErrors: true, verbose: true }).compile(JSON.parse(readFileSync(SCHEMA, "utf8")));
  // A check is a function, which JSON knows nothing of. Only TypeScript has one, and its types say where.
  const value: unknown = JSON.parse(JSON.stringify(scenario) ?? "null");
  validate(value);
  const errors = validate.errors ?? [];
  const either = new Set(errors.filter(({ keyword }) => keyword === "anyOf").map(({ instancePath }) => instancePath));
  return errors.filter(({ keyword }) => keyword !== "anyOf").flatMap((error) => {
    const isOtherForm = error.keyword === "type" && either.has(error.instancePath);
    return isOtherForm ? formFinding(error) : [finding(error)];
  });
}

/** Of what may be one or a list: neither form has anything to say against the other. */
function formFinding({ instancePath, params, data }: ErrorObject): Finding[] {
  if (typeof data === "object" && data !== null) return [];
  if (params["type"] === "array") return []; // said once
  const path = pathOf(instancePath);
  return [{ path, message: `${pathWords(path)} takes a mapping, or a list of them${instead(data)}` }];
}

function finding({ instancePath, keyword, params, data, parentSchema, message }: ErrorObject): Finding {
  const path = pathOf(instancePath);
  const here = pathWords(path) || "A scenario";
  switch (keyword) {
    case "additionalProperties": {
      const key = params["additionalProperty"] as string;
      const known = Object.keys((parentSchema as { properties?: object }).properties ?? {});
      const near = nearest(key, known);
      const advice = near ? `Did you mean \`${near}\`?` : `It takes ${known.join(", ")}.`;
      return { path: [...path, key], key: true, message: `${here} has no \`${key}\`. ${advice}` };
    }
    case "required":
      return { path, message: `${here} needs \`${params["missingProperty"]}\`.` };
    case "type":
      return { path, message: `${here} takes ${TYPES[params["type"] as string]}${instead(data, params["type"])}` };
    case "minItems":
    case "minLength":
      return { path, message: `${here} is empty.` };
    case "minimum":
    case "maximum":
      return {
        path,
        message: `${here} must be ${keyword === "minimum" ? "at least" : "at most"} ${params["limit"]}, not ${data}.`,
      };
    case "enum": {
      const known = params["allowedValues"] as string[];
      const near = nearest(String(data), known);
      const advice = near ? ` Did you mean \`${near}\`?` : "";
      return { path, message: `${here} must be one of ${known.join(", ")}, not \`${String(data)}\`.${advice}` };
    }
    default:
      return { path, message: `${here} ${message}.` };
  }
}

const TYPES: Record<string, string> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
};

function instead(data: unknown, wanted?: string): string {
  if (data === null) return ", and nothing is written there.";
  const is = Array.isArray(data) ? "a list" : TYPES[typeof data];
  const quotes = wanted === "string" && typeof data !== "object" ? ` Put it in quotes: "${data}".` : "";
  return wanted === "integer" && typeof data === "number" ? `, not ${data}.` : `, not ${is}.${quotes}`;
}

function pathOf(pointer: string): Path {
  const parts = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.map((part) => /^\d+$/.test(part) ? Number(part) : part);
}

/** The known one that is likely to have been meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known.map((name) => ({ name, far: distance(word.toLowerCase(), name) }))
    .sort((a, b) => a.far - b.far);
  return best && best.far <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

/** Letters to add, take out, change or swap. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + change);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
