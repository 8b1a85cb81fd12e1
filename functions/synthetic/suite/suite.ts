/**
 * Works on a run: takes scenarios from the store, as many at once as the run says, until none is left or time is up.
 *
 * Several workers may be at the same run, and any of them may end at any point.
 *
 * @module
 */
import type { BotUnderTest, Provider } from "../define.ts";
import type { Recordings } from "../llm/ports.ts";
import type { NamedScenario } from "../scenario.ts";
import type { Outcome, RunHead, Store, Taken } from "./ports.ts";

export interface SuiteOptions {
  head: RunHead;
  store: Store;
  scenarios: readonly NamedScenario[];
  bot: BotUnderTest;
  /** Null in a replay. */
  provider: Provider | null;
  recordingsOf(scenario: string): Recordings;
  record: boolean;
  /** Stops this worker at once, as when somebody presses Ctrl-C. */
  signal: AbortSignal;
  /** On the clock of `performance.now`: no scenario is taken after it. */
  until?: number;
  /** Told of each scenario that begins and ends. */
  progress?: (event: { kind: "began"; taken: Taken } | { kind: "ended"; taken: Taken; outcome: Outcome }) => void;
}

/** `more`: time is up and something is left. */
export function runSuite(_options: SuiteOptions): Promise<"done" | "more" | "stopped"> {
  throw new Error("part SUITE");
}
