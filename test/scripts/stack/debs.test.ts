/** On the real apt and a real mirror, once; whatever must not fetch has a mirror that does not answer. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { type DebSet, installDebs } from "../../../scripts/stack/debs.ts";
import { freePort } from "../../../scripts/stack/ports.ts";

const HELLO = {
  title: "Hello",
  packages: ["hello"],
  from: { exactly: "trixie" },
  works: (root) => Promise.resolve(existsSync(join(root, "usr/bin/hello"))),
} satisfies DebSet;

let parent: string;
let dir: string;
let said: string[];
const install = (set: DebSet = HELLO) => installDebs(dir, set, (line) => said.push(line));

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "debs-"));
  dir = join(parent, "hello");
  said = [];
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
});
afterEach(() => vi.unstubAllEnvs());

/** This machine's apt then knows one mirror, and nobody answers there. */
async function givenNoNetwork(): Promise<string> {
  const mirror = `http://127.0.0.1:${await freePort()}/debian`;
  writeFileSync(join(parent, "sources.list"), `deb ${mirror} bookworm main\n`);
  writeFileSync(
    join(parent, "apt.conf"),
    `Dir::Etc::sourcelist "${parent}/sources.list"; Dir::Etc::sourceparts "/dev/null"; Acquire::http::Proxy "DIRECT";`,
  );
  vi.stubEnv("APT_CONFIG", join(parent, "apt.conf"));
  return mirror;
}

/** What an interrupted installation leaves. */
function givenHalf(dir: string): void {
  mkdirSync(join(`${dir}.partial`, "root/usr/bin"), { recursive: true });
  writeFileSync(join(`${dir}.partial`, "root/usr/bin/half"), "");
  mkdirSync(join(dir, "root/usr/bin"), { recursive: true });
  writeFileSync(join(dir, "root/usr/bin/old"), "");
}

test("half-finished is made anew by one of several, complete is left alone, damaged is noticed", async () => {
  givenHalf(dir);
  const roots = await Promise.all([install(), install()]);
  expect(roots).toEqual([join(dir, "root"), join(dir, "root")]);
  expect(said).toEqual(["Hello: fetching 1 Debian packages …", "Hello: unpacking 1 packages …"]);
  expect(readdirSync(join(dir, "root/usr/bin"))).toEqual(["hello"]);
  expect(readdirSync(parent).sort()).toEqual(["hello", "hello.lock"]);
  expect(readdirSync(join(dir, "root/usr/share"))).not.toContain("man");

  await givenNoNetwork();
  expect(await install()).toBe(join(dir, "root"));
  const fetches = { name: "Failure", message: expect.stringContaining("could not be fetched") };
  await expect(install({ ...HELLO, packages: ["hello", "hello-traditional"] })).rejects.toMatchObject(fetches);
});

test("without a network: says what could not be fetched, from where, and what to do", async () => {
  const mirror = await givenNoNetwork();
  const stamps: Record<string, string | undefined> = {
    "not installed": undefined,
    "interrupted": "",
    "of other packages": JSON.stringify([["other"], HELLO.from]),
    "complete, but it does not work": JSON.stringify([HELLO.packages, HELLO.from]),
  };
  for (const [name, stamp] of Object.entries(stamps)) {
    if (stamp !== undefined) givenHalf(join(parent, name));
    if (stamp) writeFileSync(join(parent, name, "complete"), stamp);
  }
  await Promise.all(
    Object.keys(stamps).map(async (name) => {
      await expect(installDebs(join(parent, name), HELLO, () => {}), name).rejects.toMatchObject({
        name: "Failure",
        message: expect.stringMatching(
          new RegExp(`^Hello could not be fetched from Debian's mirrors:\n  E: Failed to fetch ${mirror}/dists/trixie`),
        ),
        todo: expect.stringContaining("Check the network"),
      });
      expect(existsSync(join(parent, name, "complete")), name).toBe(false);
    }),
  );
});

test("a machine without a mirror", async () => {
  await givenNoNetwork();
  writeFileSync(join(parent, "sources.list"), "");
  await expect(install()).rejects.toMatchObject({
    name: "Failure",
    message: expect.stringMatching(/^No Debian mirror/),
  });
});
