/**
 * Debian packages unpacked into a folder: no root, no container, and nothing of the host's apt or dpkg is changed.
 *
 * A private apt (own lists, own cache) asks the mirrors that this machine is already set up with, and checks their
 * signatures as always.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Failure } from "./failure.ts";
import { withLock } from "./lock.ts";

const run = promisify(execFile);
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** What no program here reads at run time. */
const UNWANTED = ["./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/lintian", "*/bitcode"];

export interface DebSet {
  /** What is being installed, for messages: "Postgres 17". */
  title: string;
  packages: readonly string[];
  /** `exactly`: only the packages named, of this release. `missing`: of this machine's release, with what they need and dpkg lacks. */
  from: { exactly: string } | "missing";
  /** Called on the unpacked root before it is declared complete. */
  finish?: (root: string) => Promise<void>;
  /** Whether a complete one still works; if not, it is made anew. */
  works?: (root: string) => Promise<boolean>;
}

/**
 * Unpacks a set into `dir/root`, once: a complete one is left as it is, a half-finished one is made anew. Of several
 * processes that want it, one works and the others wait.
 *
 * @throws {Failure} when a tool is missing or something could not be fetched.
 */
export async function installDebs(dir: string, set: DebSet, say: (message: string) => void): Promise<string> {
  if (!await isInstalled(dir, set)) {
    await needTools(set.title);
    await withLock(`${dir}.lock`, async () => {
      if (!await isInstalled(dir, set)) await install(dir, set, say);
    });
  }
  return join(dir, "root");
}

const recipe = (set: DebSet) => JSON.stringify([set.packages, set.from]);

async function isInstalled(dir: string, set: DebSet): Promise<boolean> {
  const stamp = await readFile(join(dir, "complete"), "utf8").catch(() => "");
  return stamp === recipe(set) && (await set.works?.(join(dir, "root")) ?? true);
}

async function install(dir: string, set: DebSet, say: (message: string) => void): Promise<void> {
  const work = `${dir}.partial`;
  await rm(work, { recursive: true, force: true });
  await rm(dir, { recursive: true, force: true });
  await mkdir(join(work, "debs"), { recursive: true });

  const apt = await privateApt(join(work, "apt"), set);
  say(`${set.title}: fetching ${set.packages.length} Debian packages …`);
  await fetched(set.title, () => apt("apt-get", ["update", "-qq"]));
  await fetched(
    set.title,
    () =>
      set.from === "missing"
        ? apt("apt-get", ["install", "-qq", "-y", "--no-install-recommends", "--download-only", ...set.packages])
        : apt("apt-get", ["download", "-qq", ...set.packages], join(work, "debs")),
  );

  const debs = set.from === "missing" ? join(work, "apt/cache/archives") : join(work, "debs");
  const files = (await readdir(debs)).filter((name) => name.endsWith(".deb"));
  say(`${set.title}: unpacking ${files.length} packages …`);
  await mkdir(join(work, "root"));
  for (const file of files) await unpack(join(debs, file), join(work, "root"));
  await set.finish?.(join(work, "root"));

  await rm(debs, { recursive: true, force: true });
  await rm(join(work, "apt"), { recursive: true, force: true });
  await writeFile(join(work, "complete"), recipe(set));
  await rename(work, dir);
}

async function unpack(deb: string, root: string): Promise<void> {
  const exclude = UNWANTED.map((path) => `--exclude='${path}'`).join(" ");
  await run("sh", [
    "-c",
    `dpkg-deb --fsys-tarfile "$1" | tar -C "$2" -xf - --no-same-owner ${exclude}`,
    "sh",
    deb,
    root,
  ]);
}

type Apt = (program: string, args: string[], cwd?: string) => Promise<unknown>;

/** An apt whose state lives in `dir`. */
async function privateApt(dir: string, set: DebSet): Promise<Apt> {
  for (const sub of ["lists/partial", "cache/archives/partial"]) await mkdir(join(dir, sub), { recursive: true });
  const lines = [
    `Dir::State::lists "${dir}/lists"; Dir::State::extended_states "${dir}/extended_states";`,
    `Dir::Cache "${dir}/cache"; Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";`,
    `Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";`,
    // Root would otherwise download as user _apt, who may not enter this folder; and hooks of the host are not for us.
    `APT::Sandbox::User ""; APT::Update::Post-Invoke ""; Debug::NoLocking "true";`,
    `Acquire::Languages "none"; Acquire::Retries "2";`,
  ];
  if (set.from !== "missing") {
    const sources = (await mirrors(set.from.exactly)).map((line) => `deb [signed-by=${KEYRING}] ${line} main`);
    await writeFile(join(dir, "sources.list"), sources.join("\n") + "\n");
    await writeFile(join(dir, "status"), "");
    lines.push(
      `Dir::Etc::sourcelist "${dir}/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::State::status "${dir}/status";`,
      // A mirror that does not answer is an error, or the next step would know no packages and not say why.
      `APT::Update::Error-Mode "any";`,
    );
  }
  await writeFile(join(dir, "apt.conf"), lines.join("\n") + "\n");
  const env = { ...process.env, APT_CONFIG: join(dir, "apt.conf"), LC_ALL: "C" };
  return (program, args, cwd) => run(program, args, { env, ...(cwd && { cwd }), maxBuffer: 64 << 20 });
}

/** `<address> <suite>` of another release on the mirrors of this machine. Works before any `apt-get update`, and for any user. */
async function mirrors(release: string): Promise<string[]> {
  const codename = /^VERSION_CODENAME=(\S+)/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "stable";
  const { stdout } = await run("apt-get", ["update", "--print-uris"], { env: { ...process.env, LC_ALL: "C" } });
  const found = new Set<string>();
  for (const [, site, suite] of stdout.matchAll(/^'([^']+)\/dists\/([^/']+)\/main\/binary-/gm)) {
    if ([codename, "stable", "oldstable", release].includes(suite!)) found.add(`${site} ${release}`);
    if (suite === `${codename}-security`) found.add(`${site} ${release}-security`);
  }
  if (found.size === 0) {
    throw new Failure("No Debian mirror is set up on this machine.", "Add one to /etc/apt/sources.list and run again.");
  }
  return [...found];
}

async function needTools(title: string): Promise<void> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Failure(
      `The local stack runs on 64-bit Intel/AMD Linux; this is ${process.platform} on ${process.arch}.`,
      "Where Docker runs, `npx supabase start` serves the same project.",
    );
  }
  for (const file of ["/usr/bin/apt-get", "/usr/bin/dpkg-deb", KEYRING]) {
    await access(file).catch(() => {
      throw new Failure(
        `${title} comes from Debian's packages, and ${file} is missing.`,
        "Run this on Debian 12 or 13.",
      );
    });
  }
}

async function fetched(title: string, step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    const stderr = String((error as { stderr?: string }).stderr ?? error);
    const reasons = stderr.split("\n").filter((line) => /^[EW]:/.test(line)).slice(0, 3).join("\n  ");
    throw new Failure(
      `${title} could not be fetched from Debian's mirrors:\n  ${reasons || stderr.slice(0, 500)}`,
      "Check the network (and the proxy in /etc/apt/apt.conf.d), then run the same command again.",
    );
  }
}
