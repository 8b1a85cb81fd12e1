// deno-lint-ignore-file no-control-regex -- what a terminal is sent
// A person at a terminal, played by `script`, and terminals at which nobody sits: who is asked, who is refused, and what Ctrl-C does.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve, type Served } from "../../scripts/stack/serve.ts";
import { createProvider } from "../_support/provider.ts";
import { startTestStack, type TestStack } from "../_support/stack.ts";
import { makeWorkplace, type Workplace } from "../_support/terminal.ts";
import { sleep } from "../functions/synthetic/suite/_support.ts";

const KEY = "sk-real-key";
/** The calls that are answered; those after them come to nothing. */
let answered = 0;
const provider = createProvider({
  apiKey: KEY,
  fault: () => answered-- > 0 ? undefined : { kind: "stall", ms: 60_000 },
});

let served: Served;
let stack: TestStack;
let sql: pg.Client;
let place: Workplace;
beforeAll(async () => {
  served = await serve(provider.handle, { port: 0 });
  stack = await startTestStack({ isolates: { ingest: 0, telegram: 0 } });
  sql = stack.client("postgres");
  await sql.connect();
  place = await makeWorkplace({
    stack,
    env: { OPENROUTER_API_KEY: KEY, OPENROUTER_BASE_URL: `${served.url}/v1`, TERM: "xterm" },
  });
});
afterAll(async () => {
  place?.remove();
  await sql?.end();
  await stack?.end();
  await served?.close();
});

/** A terminal with a person, who types. */
function person(...args: string[]) {
  const { child, seen, ended } = place.onTerminal(args);
  const reads = (what: RegExp | string) => expect.poll(() => seen.out, { timeout: 20_000, interval: 20 }).toMatch(what);
  return { types: (keys: string) => void child.stdin!.write(keys), seen, ended, reads };
}

const runs = async () => (await sql.query("select * from tracegram.synthetic_runs order by asked_at")).rows;

test("a person sees the price, says yes, sees how it gets on, and breaks it off: no call goes on, nothing stays reserved", async () => {
  answered = 1;
  const { calls: callsBefore, total: before } = provider.account;
  const { types, reads, seen, ended } = person("smoke", "refund", "greeting");
  await reads(/Spend up to \$\d\.\d+\? \[y\/N, or another ceiling\] /);
  expect(seen.out).toMatch(/refund +\$0\.\d+ +\$0\.\d+ +by (recorded tokens|earlier runs)/);
  expect(seen.out).toContain("Spent today $0.00");
  expect(provider.account.calls).toBe(callsBefore);
  types("0.05\r");
  await reads(/\r\x1b\[2K░{24} 0\/2 {2}\$0\.00/);
  await expect.poll(() => provider.account.inFlight, { timeout: 10_000 }).toBeGreaterThan(0);
  // The one that was answered is in the line.
  await reads(/\r\x1b\[2K░{24} 0\/2 {2}\$0\.000\d+/);

  const began = Date.now();
  types("\x03");
  await expect.poll(() => provider.account.inFlight, { timeout: 5000, interval: 10 }).toBe(0);
  expect(Date.now() - began).toBeLessThan(1500);
  const { calls } = provider.account;
  const { code, out } = await ended;
  expect(code, out).toBe(130);
  expect(out).toMatch(/\x1b\[33m- refund +broken off\x1b\[0m/);
  expect(out).toContain("The run was stopped.");
  expect(provider.account.calls).toBe(calls);
  const run = (await runs()).findLast(({ scenarios }) => scenarios.length === 2);
  expect(run).toMatchObject({ state: "stopped", reserved_microusd: "0", ceiling_microusd: "50000" });
  expect(Number(run.spent_microusd)).toBeGreaterThanOrEqual(provider.account.total - before);
  expect(Number(run.spent_microusd - run.unconfirmed_microusd)).toBe(provider.account.total - before);
  // Nobody can go on with it.
  expect(readdirSync(join(place.dir, ".stack/synthetic"))).not.toContain(run.run_id);
});

test("who presses Ctrl-C where they are asked has spent nothing", async () => {
  const { types, reads, ended } = person("smoke", "markup");
  await reads(/Ceiling in dollars/);
  types("\x03");
  expect(await ended).toMatchObject({ code: 130 });
  const states = (await runs()).filter(({ scenarios }) => scenarios.join() === "markup").map(({ state }) => state);
  expect(states).toEqual(["cancelled"]);
});

test.each(["y\r", "y"])("what was typed before the price was to be seen is no yes to it: %j", async (early) => {
  const { types, reads, seen, ended } = person("smoke", "greeting");
  types(early);
  await reads(/Spend up to \$\d\.\d+\? \[y\/N, or another ceiling\] /);
  // Long enough for a yes to be heard.
  await sleep(500);
  expect(seen.out).toMatch(/another ceiling\] [^\n]*$/);
  types("\r");
  expect(await ended).toMatchObject({ code: 2, out: expect.stringContaining("Not run. Nothing was spent.") });
  const states = (await runs()).filter(({ scenarios }) => scenarios.join() === "greeting").map(({ state }) => state);
  expect(new Set(states)).toEqual(new Set(["cancelled"]));
});

test("when nobody reads any more what it says, it stops: nothing goes on being spent", async () => {
  answered = Infinity;
  const { child, ended } = place.start(["smoke", "refund", "--repeat", "6", "--spend", "0.5", "--concurrency", "1"]);
  // As a pipe to `head` that has seen enough.
  child.stderr!.on("data", (text: string) => {
    if (!text.includes("[1/6]")) return;
    child.stdout!.destroy();
    child.stderr!.destroy();
  });
  expect((await ended).code).toBe(130);
  const run = (await runs()).find(({ repeat }) => repeat === 6);
  expect(run).toMatchObject({ state: "stopped", reserved_microusd: "0" });
  expect(readdirSync(join(place.dir, ".stack/synthetic"))).not.toContain(run.run_id);
});

test("where nobody can be asked: refused, with words and an exit code, before anything is paid for", async () => {
  const [ci, nobody, tooMuch] = await Promise.all([
    place.start(["release", "--spend", "1"], { env: { CI: "true" } }).ended,
    place.start(["release"]).ended,
    place.start(["smoke", "cancel", "--spend", "500"]).ended,
  ]);
  expect(ci).toMatchObject({ code: 2, out: "", err: expect.stringContaining("CI=true") });
  expect(nobody).toMatchObject({ code: 2, out: "", err: expect.stringContaining("Give a ceiling with --spend") });
  expect(tooMuch).toMatchObject({ code: 2, out: "", err: expect.stringContaining("That is more than is left: $1.00") });
  // No colours, and no line that changes.
  expect(tooMuch.err).not.toContain("\x1b");
  expect((await runs()).filter(({ scenarios, state }) => scenarios.join() === "cancel" && state !== "cancelled"))
    .toEqual([]);
});

test("a scenario is as its file is now", async () => {
  const file = join(place.dir, "functions/synthetic/scenarios/cancel.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^title: .*$/m, "title: Another one"));
  expect((await place.start(["--list"]).ended).out).toMatch(/^cancel .* Another one$/m);
});
