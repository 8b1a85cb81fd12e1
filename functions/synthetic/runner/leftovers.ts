/**
 * What a bot has left behind: it fails the scenario, and is cleared for the next one.
 *
 * @module
 */
import { type Unmet, unmet } from "../expect/met.ts";
import { closeScope } from "./scope.ts";
import type { Stage } from "./stage.ts";
import { limited } from "./wait.ts";

/** Longest that calls may take to be settled, and then traces to be sent; at least so long where time is up. */
const CLOSE_MS = 5_000;
const MIN_CLOSE_MS = 100;

/** @param handling Turns whose handlers still run. */
export async function clearUp(stage: Stage, handling: readonly number[]): Promise<Unmet[]> {
  const { scope, llm, port, traces, telegram, ending, endAt } = stage;
  const left = [
    ...handling.map((turn) => `a handler that still runs, of turn ${turn}`),
    ...(llm.inFlight > 0 ? [`LLM calls under way: ${llm.inFlight}`] : []),
    ...(port.underWay.length > 0 ? [`calls to Telegram under way: ${port.underWay.join(", ")}`] : []),
    ...(traces.open().length > 0 ? [`traces that have not ended: ${traces.open().join(", ")}`] : []),
    // Node's timers can be closed by themselves.
    ...[...scope.timers].filter(([handle]) => !(Object(handle) as { _destroyed?: boolean })._destroyed)
      .map(([, { kind, ms }]) => kind === "setImmediate" ? kind : `a timer that is pending: ${kind} of ${ms} ms`),
  ];
  // A handler that hangs cannot be ended: it can only do nothing more.
  port.close();
  ending.abort();
  const ms = Math.min(CLOSE_MS, Math.max((endAt - performance.now()) / 2, MIN_CLOSE_MS));
  await limited(llm.settled(), performance.now() + ms, new AbortController().signal);
  const unsent = await traces.close(ms);
  telegram.close();
  closeScope(scope);
  return [...left, ...(unsent === undefined ? [] : [`traces that could not be sent: ${unsent}`])]
    .map((what) => unmet("leftover", `The bot has left ${what}`));
}
