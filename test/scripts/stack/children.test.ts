import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { type Child, type ChildOptions, logTail, startChild, untilReady } from "../../../scripts/stack/children.ts";
import { hasEnded, processId } from "../../../scripts/stack/processes.ts";

let log: string;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "children-"));
  log = join(dir, "logs/child.log");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
});

function start(script: string, options: Partial<ChildOptions> = {}): Child {
  const child = startChild({ name: "the child", command: ["sh", "-c", script], log, ...options });
  onTestFinished(() => child.running() ? process.kill(child.pid, "SIGKILL") && undefined : undefined);
  return child;
}
/** Until the program has said so. */
const says = (word: string) => expect.poll(() => logTail(log), { timeout: 10_000 }).toContain(word);

test("both streams are in the log, after what was there", async () => {
  expect(await start("echo out; echo err >&2").ended).toBe("exit code 0");
  expect(await start("echo again").ended).toBe("exit code 0");
  expect(readFileSync(log, "utf8")).toBe("out\nerr\nagain\n");
});

test("only what a program needs of our variables reaches it", async () => {
  process.env["SECRET_OF_THE_DEVELOPER"] = "x";
  onTestFinished(() => void delete process.env["SECRET_OF_THE_DEVELOPER"]);
  await start("env", { env: { GIVEN: "y" } }).ended;
  expect(logTail(log, 50)).toContain("GIVEN=y");
  expect(logTail(log, 50)).toContain("PATH=");
  expect(logTail(log, 50)).not.toContain("SECRET_OF_THE_DEVELOPER");
});

test.each(["SIGTERM", "SIGINT"] as const)("stop asks with %s and waits for the end", async (stopSignal) => {
  const child = start(`trap 'echo asked; exit 3' ${stopSignal.slice(3)}; echo ready; while :; do sleep 0.05; done`, {
    stopSignal,
  });
  await says("ready");
  expect(child.running()).toBe(true);
  await child.stop();
  expect(child.running()).toBe(false);
  expect(await child.ended).toBe("exit code 3");
  await child.stop(); // once more does no harm
});

test("its process group is its own, so that Ctrl-C reaches only us", () => {
  const child = start("sleep 60");
  const group = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ")[2];
  expect(Number(group)).toBe(child.pid);
});

test.each([
  ["SIGTERM", "SIGTERM"],
  ["SIGINT", "SIGINT"],
])("when we are killed, the kernel ends it with %s", async (stopSignal) => {
  const module = fileURLToPath(new URL("../../../scripts/stack/children.ts", import.meta.url));
  const script = `trap 'echo asked; exit' ${stopSignal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
  const parent = spawn(process.execPath, [
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    `
    import { startChild } from ${JSON.stringify(module)};
    const options = ${JSON.stringify({ name: "the child", command: ["sh", "-c", script], log, stopSignal })};
    console.log(startChild(options).pid);
    setInterval(() => {}, 60_000);
  `,
  ], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const child = processId(Number((await once(parent.stdout, "data"))[0]))!;
  await says("ready");
  parent.kill("SIGKILL");
  expect(await hasEnded(child, 10_000)).toBe(true);
  expect(logTail(log)).toContain("asked");
});

test("a program that is not there says so", async () => {
  const child = start("", { command: ["/no/such/program"] });
  await child.ended;
  expect(logTail(log)).toContain("/no/such/program");
  await expect(untilReady(child, () => Promise.reject(new Error("not yet")))).rejects.toThrow("/no/such/program");
});

test("untilReady resolves once the check does", async () => {
  let asked = 0;
  await untilReady(start("sleep 60"), () => ++asked < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve());
  expect(asked).toBe(3);
});

test("untilReady reports how a program ended, and the end of its log", async () => {
  const child = start("seq 1 100; echo the reason >&2; exit 7");
  const error = await untilReady(child, () => Promise.reject(new Error("not yet"))).catch(String);
  expect(error).toMatch(/^Error: the child ended at start \(exit code 7\):\n/);
  expect(error).toContain("100\n  the reason");
  expect(error).not.toContain("\n  50\n");
});

test("untilReady does not wait for ever, and leaves nothing running", async () => {
  const child = start("sleep 60");
  await expect(untilReady(child, () => Promise.reject(new Error("why")), 100)).rejects.toMatchObject({
    message: "the child is not ready after 0.1 s",
    cause: { message: "why" },
  });
  expect(child.running()).toBe(false);
});

test("a log that is not there", () => {
  expect(logTail("/no/such/log")).toBe("(no log)");
});
