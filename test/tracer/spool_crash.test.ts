import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type IngestServer, startIngest } from "./_support/ingest.ts";
import { runtimes, start } from "./_support/runtimes.ts";

const bot = fileURLToPath(new URL("_support/spool_bot.ts", import.meta.url));
/** What a trace may need to be on disk: the flush interval, and what a machine with much other work to do adds to it. */
const AT_RISK_MS = 100 + 900;

const spoolBot = (name: keyof typeof runtimes, dir: string) => {
  // Only with all permissions does Deno let us see whose process has ended; else we would wait for a minute.
  const command = name === "Deno" ? [runtimes.Deno[0]!, "run", "--no-lock", "--quiet", "--allow-all"] : runtimes.Node;
  return (ingest: IngestServer, ...args: string[]) => start([...command, bot, ingest.url, dir, ...args]);
};

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "tracegram-crash-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Ids and times of the traces that a bot has said to have ended. The last line may be torn. */
const endedOf = (output: string) =>
  [...output.matchAll(/^([\da-f-]{36}) (\d{13})\n/gm)].map(([, id, at]) => ({ id: id!, at: Number(at) }));

/** Every trace is there, with what was said in it. */
function expectStored(ingest: IngestServer, ids: string[]): void {
  expect(ids.filter((id) => !ingest.stored.has(id))).toEqual([]);
  const torn = ids.filter((id) => !ingest.stored.get(id)?.io?.[0]?.request?.startsWith(`question ${id}`));
  expect(torn).toEqual([]);
}

const drained = (dir: string) =>
  vi.waitFor(() => expect(readdirSync(dir).filter((file) => file.endsWith(".jsonl"))).toEqual([]), {
    timeout: 30_000,
    interval: 20,
  });

describe.each(["Node", "Deno"] as const)("%s", { timeout: 90_000 }, (name) => {
  test("kill -9 at any moment loses at most the last moment, with two bots in one directory", async () => {
    const dir = folder();
    const ingest = await startIngest();
    const run = spoolBot(name, dir);
    const safe: string[] = [];
    const life = async () => {
      const { child, output, ended } = await run(ingest);
      await new Promise((resolve) => setTimeout(resolve, AT_RISK_MS + Math.random() * 800));
      const killedAt = Date.now();
      child.kill("SIGKILL");
      expect((await ended).signal).toBe("SIGKILL");
      safe.push(...endedOf(output()).filter(({ at }) => at < killedAt - AT_RISK_MS).map(({ id }) => id));
    };
    for (let round = 0; round < 5; round++) {
      // Now the server is away, now it comes and goes, and now it is there.
      let count = 0;
      ingest.failures = [() => round % 3 === 0 || (round % 3 === 1 && ++count % 3 > 0) ? { status: 503 } : undefined];
      await Promise.all([life(), life()]);
    }
    expect(safe.length).toBeGreaterThan(500);
    ingest.failures = [];
    const { child, ended } = await run(ingest, "idle");
    await drained(dir);
    expectStored(ingest, safe);
    child.kill("SIGTERM");
    // Some ended in half a line: of that the author hears, and of nothing else.
    expect((await ended).stderr).toMatch(/^(spool_lost: .*\n)?$/);
    expect(readdirSync(dir)).toEqual([]);
  });

  test("a day without network: 10,000 traces, fifty times what memory holds, outlive the process", async () => {
    const dir = folder();
    const ingest = await startIngest();
    ingest.failures = [() => ({ status: 503 })];
    const run = spoolBot(name, dir);
    const { child, output, ended } = await run(ingest, "10000");
    await vi.waitFor(() => expect(output()).toContain("done"), { timeout: 60_000, interval: 50 });
    await new Promise((resolve) => setTimeout(resolve, AT_RISK_MS));
    child.kill("SIGKILL");
    expect((await ended).stderr).toMatch(/^undelivered: .*\n$/);
    const ids = endedOf(output()).map(({ id }) => id);
    expect(ids).toHaveLength(10_000);
    ingest.failures = [];
    await run(ingest, "idle");
    await ingest.until(() => ingest.stored.size === 10_000);
    await drained(dir);
    expectStored(ingest, ids);
  });
});
