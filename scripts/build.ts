/**
 * npm run build: `dist/`, the published package, from `tracer/`: its modules one by one with their types erased, as readable
 * as the source, so that it needs no source maps; and what a bundler makes of each entry, in bytes.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build as bundle } from "esbuild";

/**
 * Most bytes of `.`, bundled, minified and gzipped, so that it does not grow. The aim, not reached, is 8,192: it would be missed
 * without the built-in masks too, which are 1,480 and must not depend on an import that somebody forgets.
 */
export const MAX_BYTES = 9_780;

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The files of the entries that `package.json` exports, by what they are imported as: `.`, `./telegraf`. */
export function entries(root = ROOT): Record<string, string> {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Record<string, { default: string }>;
  };
  return Object.fromEntries(Object.entries(exports).map(([entry, { default: file }]) => [entry, join(root, file)]));
}

export interface Bundled {
  /** Minified and gzipped. */
  bytes: number;
  /** What it imports and does not contain. */
  imports: string[];
}

/** What an app pays for an entry, when it uses all of it. */
export async function bundled(file: string): Promise<Bundled> {
  const { outputFiles, metafile } = await bundle({
    entryPoints: [file],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    packages: "external",
    external: ["node:*"],
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  return {
    bytes: gzipSync(outputFiles[0]!.contents, { level: 9 }).length,
    imports: [...new Set(output!.imports.map(({ path }) => path))],
  };
}

function build(): void {
  const dist = join(ROOT, "dist");
  // What is no longer in tracer/ must not be published.
  rmSync(dist, { recursive: true, force: true });
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  for (const name of readdirSync(dist).filter((name) => name.endsWith(".d.ts"))) {
    // tsc rewrites the extensions in what runs, and not in the declarations; not everybody's resolver knows `./x.ts`.
    const text = readFileSync(join(dist, name), "utf8");
    writeFileSync(join(dist, name), text.replace(/((?:from|import\() ?"\.\/[^"]+)\.ts"/g, '$1.js"'));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  build();
  // On stderr: stdout is npm pack's, which runs this.
  for (const [entry, file] of Object.entries(entries())) {
    const { bytes } = await bundled(file);
    const bar = entry === "." ? `, of ${MAX_BYTES.toLocaleString("en")}` : "";
    console.error(`${entry.padEnd(12)} ${bytes.toLocaleString("en").padStart(6)} bytes minified and gzipped${bar}`);
  }
}
