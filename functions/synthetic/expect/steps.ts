/**
 * `steps`, `not_steps`, `max_step_ms`: what ran, in which order, and for how long.
 *
 * @module
 */
import type { WireTrace } from "../../../tracer/wire.ts";
import type { Expect } from "../scenario.ts";
import { diffLines } from "./diff.ts";
import { type Held, type Unmet, unmet } from "./met.ts";

const stepsOf = (traces: readonly WireTrace[]) => traces.flatMap(({ steps }) => steps);

export function expectSteps({ steps, not_steps = [], max_step_ms = {} }: Expect, { seen, live }: Held): Unmet[] {
  const ran = stepsOf(seen.traces);
  const names = ran.map(({ name }) => name);
  const failures: Unmet[] = [];
  const broken = steps && firstOutOfOrder(steps, names);
  if (broken) failures.push(unmet("steps", broken, diffLines(steps, names)));
  const forbidden = not_steps.filter((name) => names.includes(name));
  if (forbidden.length > 0) {
    failures.push(unmet("not_steps", `Must not have run: ${forbidden.join(", ")}`, diffLines([], names)));
  }
  for (const [name, most] of live ? Object.entries(max_step_ms) : []) {
    const longest = Math.max(...ran.filter((step) => step.name === name).map(({ duration_ms = 0 }) => duration_ms));
    if (longest > most) failures.push(unmet("max_step_ms", `${name} took ${longest} ms, more than ${most} ms`));
  }
  return failures;
}

/** In words; undefined when all are there, in their order. */
function firstOutOfOrder(steps: readonly string[], names: readonly string[]): string | undefined {
  let at = 0;
  for (const [i, name] of steps.entries()) {
    const found = names.indexOf(name, at);
    if (found >= 0) at = found + 1;
    else if (!names.includes(name)) return `The step ${name} did not run`;
    else return i === 0 ? `The step ${name} did not run` : `The step ${name} did not run after ${steps[i - 1]}`;
  }
  return undefined;
}
