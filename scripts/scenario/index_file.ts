/** scenarios/all.ts: the scenarios and recordings, for the function that runs them, where no file can be read. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Folder, INDEX, readFolder, SYNTHETIC } from "./folder.ts";

export interface Refreshed extends Folder {
  path: string;
  /** It was another before. */
  changed: boolean;
}

/** Makes the index anew where it is stale; with `check` only says whether it is. @throws {Invalid} */
export async function refreshIndex(dir = SYNTHETIC, { check = false } = {}): Promise<Refreshed> {
  const folder = await readFolder(dir);
  const path = join(dir, "scenarios", INDEX);
  const wanted = renderIndex(folder);
  const changed = !existsSync(path) || readFileSync(path, "utf8") !== wanted;
  if (changed && !check) writeFileSync(path, wanted);
  return { ...folder, path, changed };
}

export function renderIndex({ scenarios, recorded }: Folder): string {
  const modules = scenarios.filter(({ kind }) => kind === "ts");
  const id = (name: string) => modules.findIndex((module) => module.name === name);
  return `// Made by \`npm run scenario -- index\` from the files beside it and in ../recordings. Do not edit.
import type { Recorded } from "../llm/ports.ts";
import type { NamedScenario } from "../scenario.ts";
${modules.map(({ file }, i) => `import scenario${i} from "./${file}";\n`).join("")}${
    recorded.map((name, i) => `import recording${i} from "../recordings/${name}.json" with { type: "json" };\n`).join(
      "",
    )
  }
export const SCENARIOS: readonly NamedScenario[] = [
${
    scenarios.map(({ name, hash, kind, scenario }) => {
      if (kind === "ts") return `  { ...scenario${id(name)}, name: "${name}", hash: "${hash}" },\n`;
      return `  ${JSON.stringify({ name, hash, ...scenario }, null, 2).replaceAll("\n", "\n  ")},\n`;
    }).join("")
  }];

/** By scenario. */
export const RECORDINGS: Readonly<Record<string, readonly Recorded[]>> = {
${recorded.map((name, i) => `  "${name}": recording${i},\n`).join("")}};
`;
}
