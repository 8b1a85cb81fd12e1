/** A scenario in TypeScript: its default export, and where each of its values is written. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { Invalid, type Locate } from "./problem.ts";

/** @throws {Invalid} when it cannot be loaded, or exports none. */
export async function readTs(file: string, path: string): Promise<{ value: unknown; locate: Locate }> {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const locate = locator(source);
  let loaded: { default?: unknown };
  try {
    loaded = await import(/* @vite-ignore */ pathToFileURL(path).href) as { default?: unknown };
  } catch (error) {
    throw new Invalid([{ file, line: 1, column: 1, message: `cannot be loaded: ${(error as Error).message}` }]);
  }
  if (loaded.default === undefined) {
    const message = "has no default export. Write `export default defineScenario({ title: …, turns: […] });`";
    throw new Invalid([{ file, line: 1, column: 1, message }]);
  }
  return { value: loaded.default, locate };
}

function locator(source: ts.SourceFile): Locate {
  const exported = source.statements.find(ts.isExportAssignment)?.expression;
  return (path, key = false) => {
    let node: ts.Node | undefined = exported;
    let found: ts.Node = exported ?? source;
    path.forEach((part, i) => {
      const inside = node && unwrap(node, source);
      node = undefined;
      if (inside && ts.isArrayLiteralExpression(inside)) node = inside.elements[part as number];
      else if (inside && ts.isObjectLiteralExpression(inside)) {
        const property = inside.properties.find(({ name }) => name && "text" in name && name.text === part);
        const value = property && ts.isPropertyAssignment(property) ? property.initializer : property;
        node = key && i === path.length - 1 ? property : value;
      }
      found = node ?? found;
    });
    const { line, character } = source.getLineAndCharacterOfPosition(exported ? found.getStart(source) : 0);
    return { line: line + 1, column: character + 1 };
  };
}

/** `defineScenario({…})`, `{…} satisfies Scenario` and a constant of the file are what is in them. */
function unwrap(node: ts.Node, source: ts.SourceFile): ts.Node {
  if (ts.isCallExpression(node) && node.arguments[0]) return unwrap(node.arguments[0], source);
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)) {
    return unwrap(node.expression, source);
  }
  if (!ts.isIdentifier(node)) return node;
  const constants = source.statements.filter(ts.isVariableStatement).flatMap((statement) => {
    return [...statement.declarationList.declarations];
  });
  const meant = constants.find(({ name }) => ts.isIdentifier(name) && name.text === node.text)?.initializer;
  return meant ? unwrap(meant, source) : node;
}
