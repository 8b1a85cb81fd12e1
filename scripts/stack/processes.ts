/** Whether a process that was noted in a file is still the one that was meant. */
import { readFileSync } from "node:fs";

/** A process, and the kernel's tick at which it started: ids are used again, the pair is not. */
export interface ProcessId {
  pid: number;
  startTick: string;
}

export function processId(pid: number = process.pid): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 22; the name in field 2 may hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : { pid, startTick: fields[19]! };
  } catch {
    return undefined;
  }
}

export function isAlive({ pid, startTick }: ProcessId): boolean {
  return processId(pid)?.startTick === startTick;
}

/** Resolves to whether the process ended within the time. */
export async function hasEnded(id: ProcessId, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline;) {
    if (!isAlive(id)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return !isAlive(id);
}
