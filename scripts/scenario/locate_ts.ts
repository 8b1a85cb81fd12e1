/** Where each value of a scenario in TypeScript is written. */
import { readFileSync } from "node:fs";
import ts from "typescript";
import type { Locate } from "./problem.ts";

/** @throws when the file cannot be read. */
export function locateTs(path: string): Locate {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
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
