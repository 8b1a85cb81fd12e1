import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { withLock } from "../../../scripts/stack/lock.ts";
import { hasEnded, isAlive, processId } from "../../../scripts/stack/processes.ts";
import { claimStack, deadParts, noteStack, readState, releaseStack } from "../../../scripts/stack/state.ts";
import type { Stack, StackInfo } from "../../../scripts/stack/stack.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "state-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
});

/** Another process that claims the stack when its input ends, says how that went, and stays until it is killed. */
async function rival(): Promise<ChildProcess & { claim(): Promise<string> }> {
  const module = fileURLToPath(new URL("../../../scripts/stack/state.ts", import.meta.url));
  const program = `
    import { claimStack } from ${JSON.stringify(module)};
    process.stdin.on("data", () => {}).on("end", () =>
      claimStack(${JSON.stringify(dir)}, "a rival", {}).then(() => console.log("won"), (e) => console.log(e.message)));
    setInterval(() => {}, 60_000);
    console.log("waiting");`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const claim = async () => {
    child.stdin.end();
    return String((await once(child.stdout, "data"))[0]).trim();
  };
  return Object.assign(child, { claim });
}

/** A stack whose parts are these processes. */
const stackOf = (...pids: number[]) =>
  ({
    children: pids.map((pid, i) => ({ name: `part ${i}`, pid, log: "a log" })),
    info: { api_url: "http://127.0.0.1:1" } as StackInfo,
  }) as unknown as Stack;

test("nothing runs where there is no note, or nonsense", () => {
  expect(readState(dir)).toBeUndefined();
  writeFileSync(join(dir, "state.json"), '{"owner": {"pid"');
  expect(readState(dir)).toBeUndefined();
});

test("claimed, then noted, then released", async () => {
  await claimStack(dir, "a test", { STACK_API_PORT: "1" });
  expect(readState(dir)).toEqual({
    owner: processId(),
    started_by: "a test",
    settings: { STACK_API_PORT: "1" },
    parts: [],
  });
  noteStack(dir, stackOf(process.pid));
  expect(readState(dir)).toMatchObject({
    started_by: "a test",
    parts: [{ ...processId(), name: "part 0", log: "a log" }],
    info: { api_url: "http://127.0.0.1:1" },
  });
  // It holds the keys of the stack.
  expect(statSync(join(dir, "state.json")).mode & 0o777).toBe(0o600);
  releaseStack(dir);
  expect(readState(dir)).toBeUndefined();
});

test("of several that claim at the same moment, beside the note of a crash, one wins", async () => {
  const dead = { owner: { pid: 1, startTick: "x" }, started_by: "a crash", settings: {}, parts: [] };
  writeFileSync(join(dir, "state.json"), JSON.stringify(dead));
  const rivals = await Promise.all([rival(), rival(), rival()]);
  let claims: Promise<string>[] = [];
  await withLock(join(dir, "lock"), async () => {
    claims = rivals.map((child) => child.claim());
    // Whoever did not take turns would be done by now.
    const waiting = new Promise((resolve) => setTimeout(() => resolve("all wait"), 300));
    expect(await Promise.race([...claims, waiting])).toBe("all wait");
  });
  const outcomes = await Promise.all(claims);
  const winner = rivals[outcomes.indexOf("won")]!;
  expect(outcomes.filter((outcome) => outcome === "won")).toHaveLength(1);
  const refusal = `The stack is just being started or stopped: a rival, process ${winner.pid}.`;
  expect(outcomes.filter((outcome) => outcome === refusal)).toHaveLength(2);
  expect(readState(dir)?.owner.pid).toBe(winner.pid);
});

test("a stack of another process is neither noted over nor released", async () => {
  const other = await rival();
  expect(await other.claim()).toBe("won");
  const before = readFileSync(join(dir, "state.json"), "utf8");
  await expect(claimStack(dir, "a test", {})).rejects.toMatchObject({
    message: expect.stringContaining(String(other.pid)),
    todo: "Try again in a moment.",
  });
  expect(() => noteStack(dir, stackOf())).toThrow("is not ours");
  releaseStack(dir);
  expect(readFileSync(join(dir, "state.json"), "utf8")).toBe(before);
});

test("the note of a process that was killed does not count", async () => {
  const other = await rival();
  expect(await other.claim()).toBe("won");
  other.kill("SIGKILL");
  await once(other, "exit");
  expect(readState(dir)).toBeUndefined();
  await claimStack(dir, "a test", {});
  expect(readState(dir)?.started_by).toBe("a test");
});

test("a claim waits until the parts of an owner that was killed have ended", async () => {
  const part = spawn("sh", ["-c", "read line"], { stdio: ["pipe", "ignore", "ignore"] });
  onTestFinished(() => void part.kill("SIGKILL"));
  const id = processId(part.pid!)!;
  const dead = { owner: { pid: 1, startTick: "x" }, started_by: "a crash", settings: {}, parts: [id] };
  writeFileSync(join(dir, "state.json"), JSON.stringify(dead));
  const wasAlive = claimStack(dir, "a test", {}).then(() => isAlive(id));
  expect(await Promise.race([wasAlive, hasEnded(id, 200)])).toBe(false);
  part.stdin.end();
  expect(await wasAlive).toBe(false);
});

test("a part that has ended is named", async () => {
  const part = spawn("sleep", ["60"]);
  onTestFinished(() => void part.kill("SIGKILL"));
  await claimStack(dir, "a test", {});
  noteStack(dir, stackOf(process.pid, part.pid!));
  expect(deadParts(readState(dir)!)).toEqual([]);
  part.kill("SIGKILL");
  await once(part, "exit");
  expect(deadParts(readState(dir)!)).toEqual(["part 1"]);
});
