/** A scenario in YAML, and where each of its values is written. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { type Finding, Invalid, type Locate, type Path, pathWords } from "./problem.ts";

/** @throws {Invalid} when it is no YAML, or holds what JSON cannot. */
export function readYaml(file: string, text: string): { value: unknown; locate: () => Locate } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const wrong = [...document.errors, ...document.warnings];
  if (wrong.length > 0) {
    throw new Invalid(wrong.map(({ message, pos }) => ({ file, ...at(pos[0]), message: `is no YAML: ${message}` })));
  }

  const resolved = (node: unknown): Node | undefined =>
    (isAlias(node) ? node.resolve(document) : node ?? undefined) as Node | undefined;
  const locate: Locate = (path, key = false) => {
    let node: Node | undefined = document.contents ?? undefined;
    let offset = node?.range?.[0] ?? 0;
    path.forEach((part, i) => {
      const inside = resolved(node);
      node = undefined;
      if (isSeq(inside)) node = inside.items[part as number] as Node | undefined;
      else if (isMap(inside)) {
        const pair = inside.items.find((item) => isScalar(item.key) && String(item.key.value) === part);
        const last = i === path.length - 1;
        // A value that is left out has no place of its own.
        const named = pair && (last && key || !hasText(pair.value));
        node = (named ? pair.key : pair?.value) as Node | undefined;
      }
      offset = node?.range?.[0] ?? offset;
    });
    return at(offset);
  };

  const value: unknown = withoutAliases(file, document);
  const findings = [...strange(value, [], [])];
  if (findings.length > 0) {
    throw new Invalid(findings.map(({ path, message }) => ({ file, ...locate(path, true), message })));
  }
  return { value, locate: () => locate };
}

/** @throws {Invalid} when one means nothing, or when they make much of little. */
function withoutAliases(file: string, document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const message = `has an alias (\`*name\`) that cannot be followed: ${(error as Error).message}.`;
    throw new Invalid([{ file, line: 1, column: 1, message }]);
  }
}

const hasText = (node: unknown): boolean => !isScalar(node) || (node.range?.[1] ?? 0) > (node.range?.[0] ?? 0);

/** What YAML can say and the index, which is TypeScript and JSON, cannot. */
function* strange(value: unknown, path: Path, around: readonly unknown[]): Generator<Finding> {
  if (typeof value === "number" && !Number.isFinite(value)) yield { path, message: `${value} is no number in JSON.` };
  if (typeof value !== "object" || value === null) return;
  if (around.includes(value)) return yield { path, message: `${pathWords(path)} is an alias of what it is a part of.` };
  for (const [key, inner] of Object.entries(value)) {
    const below = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === "__proto__") yield { path: below, message: "`__proto__` cannot be a key." };
    else yield* strange(inner, below, [...around, value]);
  }
}
