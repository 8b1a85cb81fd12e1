/** What npm would publish, as its users get it. Runs on the packed package only (`vitest.config.ts`). */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { bundled, entries, MAX_BYTES } from "../scripts/build.ts";
import { createTracer } from "../tracer/index.ts";
import { bin } from "./_support/bin.ts";

const { app, dir, tarball } = inject("package");
const ENTRIES = Object.entries(entries(dir));
const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));

interface Ended {
  code: number;
  output: string;
}

/** Runs a JavaScript program with this Node, in `cwd`. */
const node = (cwd: string, ...args: string[]): Promise<Ended> =>
  promisify(execFile)(process.execPath, args, { cwd }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error) => ({ code: error.code, output: error.stdout + error.stderr }),
  );

/** A folder of the app for files of a test. */
function folder(files: Record<string, string>): string {
  const path = mkdtempSync(join(app, "test-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

test("the tests of this run are on the package, and not on the source", async () => {
  expect((await import(join(dir, "dist/index.js"))).createTracer).toBe(createTracer);
});

test("it contains what runs, its types and its papers, and nothing else", () => {
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$|LICENSE/.test(name));
  const modules = files.filter((name) => name.endsWith(".js")).map((name) => name.replace(/\.js$/, ""));
  expect(files.sort()).toEqual(
    [...modules.flatMap((name) => [`${name}.js`, `${name}.d.ts`]), "LICENSE", "README.md", "package.json"].sort(),
  );
  for (const name of modules) {
    for (const file of [`${name}.js`, `${name}.d.ts`]) {
      expect(readFileSync(join(dir, file), "utf8"), file).not.toMatch(/(from|import\() ?"\.[^"]*\.ts"/);
    }
  }
});

test("it needs no other package: nothing is installed with it, and no module imports one", async () => {
  expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key) && key !== "devDependencies")).toEqual([]);
  expect(readdirSync(join(app, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["tracegram"]);
  for (const [entry, file] of ENTRIES) {
    const { imports } = await bundled(file);
    // What runs at the edge has no files; the spool has them.
    const allowed = entry === "./spool" ? /^node:/ : /^node:async_hooks$/;
    expect(imports.filter((name) => !allowed.test(name)), entry).toEqual([]);
  }
});

test("publint has nothing to say", async () => {
  const { buffer } = readFileSync(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: buffer as ArrayBuffer }, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg!, { color: false }))).toEqual([]);
});

test("@arethetypeswrong/cli has nothing to say, for those who import", async () => {
  const attw = bin("@arethetypeswrong/cli", "attw");
  const { code, output } = await node(app, attw, tarball, "--profile", "esm-only", "--format", "json");
  const { analysis } = JSON.parse(output) as {
    analysis: { entrypoints: Record<string, unknown>; problems: { resolutionKind: string }[] };
  };
  expect(code, output).toBe(0);
  // That `require` of old does not work is the profile's point.
  const ignored = ["node10", "node16-cjs"];
  expect(analysis.problems.filter(({ resolutionKind }) => !ignored.includes(resolutionKind))).toEqual([]);
  expect(Object.keys(analysis.entrypoints)).toEqual(ENTRIES.map(([entry]) => entry));
});

describe("imported from plain JavaScript", () => {
  test.each(ENTRIES)("%s", async (entry) => {
    const name = entry.replace(".", "tracegram");
    const { output } = await node(
      app,
      "--input-type=module",
      "--eval",
      `console.log(Object.keys(await import("${name}")).join())`,
    );
    expect(output).toMatch(/^\w+(,\w+)*\n$/);
  });
});

const APP = `
import { createTracer, defineSteps, type Tracer, type TracerOptions, type WireTrace } from "tracegram";
${ENTRIES.map(([entry], i) => `import * as entry${i} from "${entry.replace(".", "tracegram")}";`).join("\n")}

export const all: object[] = [${ENTRIES.map((_, i) => `entry${i}`).join()}];
const options: TracerOptions = { url: "https://example.test", key: "tg_key", release: "1" };
const STEPS = defineSteps({ "llm.answer": "Writing …" });
const tracer: Tracer<"llm.answer"> = createTracer({ ...options, steps: STEPS });
export const answer: Promise<number> = tracer.trace("support", async (trace) => {
  const id: string = trace.id;
  return await tracer.step("llm.answer", async () => id.length);
});
export const sent: Promise<boolean> = tracer.flush();
// @ts-expect-error -- it has types, and they are strict
tracer.step("llm.anwser", () => {});
// @ts-expect-error -- also those of the wire
export const wire: WireTrace = { trace_id: 1 };
`;

describe("compiled from TypeScript, its declarations too", () => {
  test.each([
    ["as Node resolves", { module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022"], types: ["node"] }],
    ["as a bundler resolves, without Node's types", {
      module: "ESNext",
      moduleResolution: "bundler",
      lib: ["ES2022", "DOM"],
      types: [],
    }],
  ])("%s", async (_, options) => {
    const compilerOptions = {
      ...options,
      target: "ES2022",
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    };
    const cwd = folder({ "app.ts": APP, "tsconfig.json": JSON.stringify({ compilerOptions, files: ["app.ts"] }) });
    expect(await node(cwd, bin("typescript", "tsc"))).toEqual({ code: 0, output: "" });
  });
});

test("what an app does not use, a bundler leaves out", async () => {
  const cwd = folder({ "app.js": ENTRIES.map(([entry]) => `import "${entry.replace(".", "tracegram")}";`).join("\n") });
  const { outputFiles } = await build({
    entryPoints: [join(cwd, "app.js")],
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    logLevel: "silent",
  });
  expect(outputFiles[0]!.text.replace(/\/\/.*/g, "").trim()).toBe("");
});

describe("minified and gzipped", async () => {
  const sizes = await Promise.all(ENTRIES.map(async ([entry, file]) => [entry, (await bundled(file)).bytes] as const));
  test.each(sizes)("%s: %i bytes", (entry, bytes) => {
    if (entry === ".") expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
    else expect(bytes).toBeGreaterThan(0);
  });
});
