/**
 * The package as it would be published: built, packed, and installed into a folder with nothing else in it.
 *
 * Its folder is named after all that it is made of, so that there is one build a state of the sources, and never an old one.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { withLock } from "../../scripts/stack/lock.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DIR = join(ROOT, ".stack/package");
const HOUR = 3_600_000;
/** What is packed, and what packs it. */
const FILES = ["package.json", "README.md", "LICENSE", "tsconfig.json", "tsconfig.build.json", "scripts/build.ts"];

export interface Package {
  tarball: string;
  /** An app that has installed it; its own package.json says that it is a module. */
  app: string;
  /** The package in there. */
  dir: string;
}

function sources(): string[] {
  const tracer = readdirSync(join(ROOT, "tracer"), { recursive: true, encoding: "utf8" }).sort();
  return [...FILES, ...tracer.filter((name) => name.endsWith(".ts")).map((name) => `tracer/${name}`)];
}

/** Where the package of the sources as they are now is, or will be. */
export function currentPackage(): Package {
  const hash = createHash("sha256");
  for (const file of [...sources(), "package-lock.json"]) {
    hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  }
  return packageIn(join(DIR, hash.digest("hex").slice(0, 12)));
}

const packageIn = (dir: string): Package => ({
  tarball: join(dir, "tracegram.tgz"),
  app: join(dir, "app"),
  dir: join(dir, "app/node_modules/tracegram"),
});

/** The project's global setup. */
export default async function setup(project: TestProject): Promise<void> {
  const built = currentPackage();
  await withLock(`${DIR}.lock`, async () => {
    const dir = join(built.app, "..");
    if (!existsSync(dir)) await make(dir);
    utimesSync(dir, new Date(), new Date());
    sweep();
  });
  project.provide("package", built);
}

async function make(dir: string): Promise<void> {
  const work = `${dir}.partial`;
  const source = join(work, "source");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  for (const file of sources()) cpSync(join(ROOT, file), join(source, file));
  symlinkSync(relative(source, join(ROOT, "node_modules")), join(source, "node_modules"));
  await npm(source, "pack", "--pack-destination", work);
  const packed = packageIn(work);
  renameSync(join(work, readdirSync(work).find((name) => name.endsWith(".tgz"))!), packed.tarball);

  mkdirSync(packed.app);
  writeFileSync(join(packed.app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await npm(packed.app, "install", "--offline", packed.tarball);
  renameSync(work, dir);
}

/** Removes builds that no run can still be using. */
function sweep(): void {
  for (const name of readdirSync(DIR)) {
    const dir = join(DIR, name);
    if (statSync(dir).mtimeMs < Date.now() - HOUR) rmSync(dir, { recursive: true, force: true });
  }
}

const npm = (cwd: string, ...args: string[]) => run("npm", [...args, "--no-audit", "--no-fund"], { cwd });

declare module "vitest" {
  interface ProvidedContext {
    package: Package;
  }
}
