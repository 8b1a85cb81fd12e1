/**
 * Names a request that has no recording, and what is different about the recorded one that comes closest.
 *
 * @module
 */
import type { Failure } from "../../_shared/synthetic_work.ts";
import { allLines } from "../expect/diff.ts";
import type { Recorded, Recordings } from "./ports.ts";
import { type LlmRequest, titleOf } from "./request.ts";

const MAX_LINES = 40;

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

const linesOf = (request: unknown): string[] => JSON.stringify(request, null, 2).split("\n");

/** What is recorded (`- `) and what was asked (`+ `), each with a line around it. */
function diff(recorded: string[], asked: string[]): string[] {
  const lines = allLines(recorded, asked);
  const isNear = (_: string, i: number) =>
    lines.slice(Math.max(0, i - 1), i + 2).some((line) => !line.startsWith("  "));
  const near = lines.filter(isNear);
  return near.length > MAX_LINES ? [...near.slice(0, MAX_LINES), "  …"] : near;
}
