/**
 * Runs one scenario: the author's bot, fed real updates, between a Telegram in memory and the LLM client.
 *
 * @module
 */
import type { Transport } from "../../../tracer/transport.ts";
import type { SyntheticMode } from "../../_shared/synthetic_answers.ts";
import type { Failure, Outcome } from "../../_shared/synthetic_work.ts";
import type { BotUnderTest, Provider } from "../define.ts";
import { openLlm } from "../llm/client.ts";
import { maskText } from "../llm/masking.ts";
import type { Ledger, Recordings } from "../llm/ports.ts";
import type { NamedScenario, Tier } from "../scenario.ts";
import { watchDownloads } from "./downloads.ts";
import { clearUp } from "./leftovers.ts";
import { play } from "./play.ts";
import { watchRejections } from "./rejections.ts";
import { setStage } from "./stage.ts";
import { watchTimers } from "./timers.ts";
import { problemsOf } from "./validate.ts";

export interface ScenarioDeps {
  bot: BotUnderTest;
  tier: Tier;
  mode: SyntheticMode;
  /** Null in a replay. */
  provider: Provider | null;
  ledger: Ledger;
  recordings: Recordings;
  /** Whether live calls are recorded. */
  record: boolean;
  /** Where the traces go, besides to the expectations. */
  transport: Transport;
  /** Aborts when the run is stopped. */
  signal: AbortSignal;
  /** For ids and random numbers: the same for the same scenario in each run. */
  seed: number;
}

/** Never rejects for what the bot does: that is a failure of the outcome. */
export async function runScenario(
  scenario: NamedScenario,
  deps: ScenarioDeps,
  openClient: typeof openLlm = openLlm,
): Promise<Outcome> {
  watchTimers();
  watchRejections();
  watchDownloads();
  const problems = problemsOf(scenario);
  if (problems.length > 0) return { ...NOTHING, hash: scenario.hash, state: "failed", failures: problems };

  const stage = setStage(scenario, deps, openClient);
  const { llm, traces, live } = stage;
  const { failures, judged, duration_ms, handling, ...played } = await play(stage).catch(async (error) => {
    await clearUp(stage, []);
    throw error;
  });
  const stopped = played.stopped || llm.refused !== undefined;
  const left = await clearUp(stage, handling);
  const all = [...failures, ...left.map((one): Failure => ({ turn: 0, ...one }))];
  const { calls, input_tokens, output_tokens, cost_microusd, saved_microusd } = llm.totals();
  return {
    state: stopped ? "stopped" : all.length > 0 ? "failed" : "passed",
    hash: scenario.hash,
    // A bot that was broken off may do anything.
    failures: stopped ? [] : all.map(masked),
    duration_ms,
    calls,
    input_tokens,
    output_tokens,
    cost_microusd,
    saved_microusd,
    // They are others each time, and a replay is not.
    trace_ids: live ? traces.ended.map(({ trace_id }) => trace_id) : [],
    drift: [...llm.drift],
    judged: judged.map(({ score, reason }) => ({ score, reason: maskText(reason) })),
  };
}

/** What a bot says may be a secret, as in what is recorded. */
const masked = ({ message, diff, ...failure }: Failure): Failure => ({
  ...failure,
  message: maskText(message),
  ...(diff && { diff: diff.map(maskText) }),
});

const NOTHING: Omit<Outcome, "state" | "hash" | "failures"> = {
  duration_ms: 0,
  calls: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost_microusd: 0,
  saved_microusd: 0,
  trace_ids: [],
  drift: [],
  judged: [],
};
