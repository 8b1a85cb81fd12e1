/** scenarios/all.ts: what is in it, and that Node, Deno and TypeScript take it. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { denoProgram } from "../../../scripts/stack/functions.ts";
import { STACK_DIR } from "../../../scripts/stack/stack.ts";
import { SCENARIOS } from "../../../functions/synthetic/scenarios/all.ts";
import { scenarioSchema } from "../../../scripts/docs_scenario.ts";
import { SYNTHETIC } from "../../../scripts/scenario/folder.ts";
import { refreshIndex } from "../../../scripts/scenario/index_file.ts";
import { makeFolder, RECORDED, yaml } from "./_support.ts";

const NASTY = "\u2028 ` ${x} */ \" ' \\ </script> 👩‍🚀";

const FILES = {
  "scenarios/b.yaml": yaml("smoke: true", "expect:", `  text: { equals: ${JSON.stringify(NASTY)} }`),
  "scenarios/a.yml": yaml(),
  "scenarios/c.ts":
    'import { defineScenario } from "../define.ts";\nexport default defineScenario({ title: "C", turns: [{ say: "c", expect: { check() {} } }] });\n',
  "recordings/b.json": JSON.stringify(RECORDED),
};

/** What a program sees of an index. */
const LOOK = (url: string) =>
  `const { SCENARIOS, RECORDINGS } = await import(${JSON.stringify(url)});
console.log(JSON.stringify([SCENARIOS, RECORDINGS, typeof SCENARIOS[2].turns[0].expect.check]));`;

test("scenarios by name with the hashes of their files, functions, and recordings; in Node as in Deno", async () => {
  const folder = makeFolder(FILES);
  const { scenarios, recorded, changed, path } = await refreshIndex(folder.dir);
  expect([changed, recorded, scenarios.map(({ name }) => name)]).toEqual([true, ["b"], ["a", "b", "c"]]);
  expect((await refreshIndex(folder.dir)).changed).toBe(false);

  const code = LOOK(pathToFileURL(path).href);
  const run = async (program: string, args: string[]) =>
    JSON.parse(
      (await promisify(execFile)(program, args, {
        env: { PATH: process.env["PATH"], DENO_DIR: join(STACK_DIR, "deno") },
      })).stdout,
    );
  const [node, deno] = await Promise.all([
    run(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code]),
    run(denoProgram(), ["eval", code]),
  ]);
  const hash = (file: keyof typeof FILES) => createHash("sha256").update(FILES[file]).digest("hex").slice(0, 16);
  expect(node).toEqual([
    [
      { name: "a", hash: hash("scenarios/a.yml"), title: "A title", turns: [{ say: "hi" }] },
      {
        name: "b",
        hash: hash("scenarios/b.yaml"),
        title: "A title",
        smoke: true,
        turns: [{ say: "hi" }],
        expect: { text: { equals: NASTY } },
      },
      { name: "c", hash: hash("scenarios/c.ts"), title: "C", turns: [{ say: "c", expect: {} }] },
    ],
    { b: RECORDED },
    "function",
  ]);
  expect(deno).toEqual(node);
});

test("the index of this project is the one that its files make, with ten scenarios or more and some for smoke", async () => {
  const { changed, scenarios } = await refreshIndex(undefined, { check: true });
  expect(changed).toBe(false);
  expect(SCENARIOS.map(({ name, hash }) => ({ name, hash }))).toEqual(
    scenarios.map(({ name, hash }) => ({ name, hash })),
  );
  expect(SCENARIOS.length).toBeGreaterThanOrEqual(10);
  const smoke = SCENARIOS.filter(({ smoke }) => smoke).length;
  expect(smoke).toBeGreaterThan(0);
  expect(smoke).toBeLessThan(SCENARIOS.length);
  const head = /^# yaml-language-server: \$schema=\.\.\/\.\.\/\.\.\/docs\/scenario\.schema\.json\n/;
  for (const file of readdirSync(join(SYNTHETIC, "scenarios")).filter((name) => name.endsWith(".yaml"))) {
    expect(readFileSync(join(SYNTHETIC, "scenarios", file), "utf8"), file).toMatch(head);
  }
});

test("docs/scenario.schema.json is the schema, in which there are no functions", () => {
  const schema = scenarioSchema();
  expect(readFileSync(new URL("../../../docs/scenario.schema.json", import.meta.url), "utf8")).toBe(schema);
  const { definitions } = JSON.parse(schema) as { definitions: Record<string, { properties: object }> };
  expect(Object.keys(definitions["Expect"]!.properties)).toContain("judge");
  expect(Object.keys(definitions["Expect"]!.properties)).not.toContain("check");
});
