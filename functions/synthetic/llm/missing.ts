/**
 * Names a request that has no recording, and what is different about the recorded one that comes closest.
 *
 * @module
 */
import type { Failure } from "../../_shared/synthetic_work.ts";
import type { Recorded, Recordings } from "./ports.ts";
import { type LlmRequest, titleOf } from "./request.ts";

const MAX_LINES = 40;
/** Comparing takes their product: of longer ones, the beginning is compared. */
const MAX_COMPARED = 600;

export function missing({ key, kept }: LlmRequest, nth: number, recordings: Recordings): Omit<Failure, "turn"> {
  const all = recordings.all();
  const times = all.filter((recorded) => recorded.key === key).length;
  const name = `${titleOf(kept)} (key ${key.slice(0, 12)}, #${nth})`;
  if (times > 0) {
    return {
      expectation: "recording",
      message: `No recording of ${name}: it was recorded ${times} time${
        times === 1 ? "" : "s"
      }, and is asked once more.`,
    };
  }
  const closest = closestTo(kept, all);
  if (closest === undefined) return { expectation: "recording", message: `No recording of ${name}.` };
  return {
    expectation: "recording",
    message: `No recording of ${name}. The closest one is ${titleOf(closest.request as typeof kept)} ` +
      `(key ${closest.key.slice(0, 12)}).`,
    diff: diff(linesOf(closest.request), linesOf(kept)),
  };
}

function closestTo(kept: unknown, all: readonly Recorded[]): Recorded | undefined {
  const wanted = new Set(linesOf(kept));
  let closest: Recorded | undefined;
  let best = -1;
  for (const recorded of all) {
    const lines = linesOf(recorded.request);
    const score = lines.filter((line) => wanted.has(line)).length / Math.max(lines.length, wanted.size);
    if (score > best) [closest, best] = [recorded, score];
  }
  return closest;
}

const linesOf = (request: unknown): string[] => JSON.stringify(request, null, 2).split("\n").slice(0, MAX_COMPARED);

/** What is recorded (`- `) and what was asked (`+ `), each with a line around it. */
function diff(recorded: string[], asked: string[]): string[] {
  // Lengths of the longest common sequences of what is left from each pair of places on.
  const common = Array.from({ length: recorded.length + 1 }, () => new Uint16Array(asked.length + 1));
  for (let i = recorded.length - 1; i >= 0; i--) {
    for (let j = asked.length - 1; j >= 0; j--) {
      common[i]![j] = recorded[i] === asked[j]
        ? common[i + 1]![j + 1]! + 1
        : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines: string[] = [];
  for (let i = 0, j = 0; i < recorded.length || j < asked.length;) {
    if (i < recorded.length && recorded[i] === asked[j]) {
      lines.push(`  ${recorded[i++]}`);
      j++;
    } else if (j >= asked.length || (i < recorded.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push(`- ${recorded[i++]}`);
    } else lines.push(`+ ${asked[j++]}`);
  }
  const isNear = (_: string, i: number) =>
    lines.slice(Math.max(0, i - 1), i + 2).some((line) => !line.startsWith("  "));
  const near = lines.filter(isNear);
  return near.length > MAX_LINES ? [...near.slice(0, MAX_LINES), "  …"] : near;
}
