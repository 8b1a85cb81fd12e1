/**
 * Waits until a bot is quiet: its handler is over, and nothing that it has begun goes on.
 *
 * @module
 */
import type { Stage } from "./stage.ts";
import { sleep } from "./timers.ts";
import type { Broken } from "./wait.ts";

const LOOK_MS = 2;
/** Looks in a row that must find nothing new: what follows from an answer may take a moment to begin. */
const LOOKS = 4;

/**
 * Resolves to the time at which it became so, by the scenario's clock.
 *
 * @param handling Whether a handler runs.
 */
export async function quiet(stage: Stage, handling: () => boolean): Promise<{ at: number } | Broken> {
  const { port, llm, traces, clock, deps, until } = stage;
  const busy = () => handling() || llm.inFlight > 0 || port.underWay.length > 0 || traces.busy();
  const done = () => `${port.count} ${llm.calls.length} ${traces.ended.length}`;
  let [at, before, looks] = [clock.worked(), "", 0];
  for (;;) {
    if (deps.signal.aborted || llm.refused) return "stopped";
    const now = done();
    if (busy() || now !== before) [at, before, looks] = [clock.worked(), now, 0];
    else if (++looks >= LOOKS) return { at };
    if (performance.now() >= until) return "timeout";
    await sleep(LOOK_MS);
  }
}
