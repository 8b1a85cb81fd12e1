import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { installPackages } from "../../scripts/packages.ts";
import { Failure } from "../../scripts/stack/failure.ts";
import { STACK_DIR } from "../../scripts/stack/stack.ts";

/** A folder with a package.json and its lock, of which nothing stays. */
function newFolder(dependencies: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "packages-"));
  const installed = () => readdirSync(STACK_DIR).filter((name) => name.startsWith(`${basename(dir)}`));
  onTestFinished(() => {
    for (const name of installed()) rmSync(join(STACK_DIR, name), { recursive: true });
    rmSync(dir, { recursive: true });
  });
  const write = (version: string) => {
    const root = { name: "wanted", version, dependencies };
    const packages = Object.fromEntries(
      Object.entries(dependencies).map(([name, version]) => [`node_modules/${name}`, { version }]),
    );
    writeFileSync(join(dir, "package.json"), JSON.stringify(root));
    const lock = { ...root, lockfileVersion: 3, requires: true, packages: { "": root, ...packages } };
    writeFileSync(join(dir, "package-lock.json"), JSON.stringify(lock));
  };
  write("1.0.0");
  return { dir, write, installed: () => installed().filter((name) => !name.endsWith(".lock")) };
}

test("they are installed once, also when two want them at once; another lock takes the old one's place", async () => {
  const { dir, write, installed } = newFolder();
  const said: string[] = [];
  const say = (message: string) => void said.push(message);
  const [first, second] = await Promise.all([installPackages(dir, say), installPackages(dir, say)]);
  expect(first).toBe(second);
  expect(await installPackages(dir, say)).toBe(first);
  expect(said).toEqual([`npm ci of ${basename(dir)}`]);
  expect(existsSync(join(first, "package-lock.json"))).toBe(true);

  write("1.0.1");
  expect(await installPackages(dir, say)).not.toBe(first);
  expect(said).toHaveLength(2);
  expect(installed()).toHaveLength(1);
});

test("where the registry cannot be reached, it says so, and nothing half-done is taken for whole", async () => {
  const { dir, installed } = newFolder({ "left-pad": "1.3.0" });
  vi.stubEnv("npm_config_registry", "http://127.0.0.1:9/");
  vi.stubEnv("npm_config_fetch_retries", "0");
  vi.stubEnv("npm_config_cache", join(dir, "cache"));
  onTestFinished(() => void vi.unstubAllEnvs());
  const failure = await installPackages(dir, () => {}).catch((error) => error);
  expect(failure).toBeInstanceOf(Failure);
  expect(failure.message).toMatch(/could not be fetched/);
  expect(installed()).toEqual([]);
});
