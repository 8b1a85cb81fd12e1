import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { hasEnded, isAlive, processId } from "../../../scripts/stack/processes.ts";

function start(command = ["sleep", "60"]) {
  const child = spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

test("this process is alive, and has the same id each time", () => {
  expect(isAlive(processId()!)).toBe(true);
  expect(processId(process.pid)).toEqual(processId());
});

test("another process with the same number is not the one that was meant", () => {
  const { pid, startTick } = processId()!;
  expect(isAlive({ pid, startTick: String(Number(startTick) - 1) })).toBe(false);
});

test("no such process", () => {
  expect(processId(2 ** 22 + 1)).toBeUndefined();
});

test("a program whose name has spaces and parentheses", async () => {
  const child = start(["bash", "-c", "printf '%s' ') R 1 (' > /proc/$$/comm; echo; read"]);
  await once(child.stdout, "data");
  expect(processId(child.pid!)?.startTick).toMatch(/^\d+$/);
  expect(Number(processId(child.pid!)!.startTick)).toBeGreaterThanOrEqual(Number(processId()!.startTick));
});

test("a process that has ended, but whose parent has not noticed, is not alive", async () => {
  // The shell becomes a `sleep`, which never waits for the child that it inherits.
  const child = start(["bash", "-c", "exec 3<&0; read <&3 & echo $!; exec sleep 60"]);
  const [line] = await once(child.stdout, "data");
  const grandchild = processId(Number(line))!;
  child.stdin.end();
  expect(await hasEnded(grandchild, 10_000)).toBe(true);
});

test("hasEnded waits for the end, or for the time to be up", async () => {
  const child = start();
  const id = processId(child.pid!)!;
  expect(await hasEnded(id, 60)).toBe(false);
  const waiting = hasEnded(id, 10_000);
  child.kill("SIGKILL");
  expect(await waiting).toBe(true);
});
