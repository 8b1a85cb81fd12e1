/**
 * Packages that only a test or a benchmark wants: a folder with a package.json and its lock, installed under `.stack/` when
 * it is first asked for, so that `npm ci` of the project knows nothing of them.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Failure } from "./stack/failure.ts";
import { withLock } from "./stack/lock.ts";
import { STACK_DIR } from "./stack/stack.ts";

const run = promisify(execFile);
const FILES = ["package.json", "package-lock.json"];
const TIMEOUT_MS = 180_000;

/**
 * Resolves to the folder that holds `node_modules`. One that is complete is left as it is; other versions of it go.
 *
 * @param source Folder with package.json and package-lock.json.
 * @throws {Failure} when the packages cannot be fetched.
 */
export async function installPackages(source: string, say: (message: string) => void): Promise<string> {
  const name = basename(source);
  const hash = createHash("sha256");
  for (const file of FILES) hash.update(readFileSync(join(source, file)));
  const dir = join(STACK_DIR, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(dir)) return dir;
  await withLock(join(STACK_DIR, `${name}.lock`), async () => {
    if (existsSync(dir)) return;
    const work = `${dir}.partial`;
    for (const other of readdirSync(STACK_DIR)) {
      if (new RegExp(`^${name}-[0-9a-f]{12}(\\.partial)?$`).test(other)) {
        rmSync(join(STACK_DIR, other), { recursive: true, force: true });
      }
    }
    mkdirSync(work);
    for (const file of FILES) cpSync(join(source, file), join(work, file));
    say(`npm ci of ${name}`);
    try {
      await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
        cwd: work,
        timeout: TIMEOUT_MS,
      });
    } catch (error) {
      rmSync(work, { recursive: true, force: true });
      const why = String((error as { stderr?: string }).stderr || (error as Error).message).trim().split("\n")[0];
      throw new Failure(`The packages of ${name} could not be fetched: ${why}`, "Check the network and the registry.");
    }
    renameSync(work, dir);
  });
  return dir;
}
