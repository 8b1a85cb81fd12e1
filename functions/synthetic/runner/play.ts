/**
 * Plays a scenario's turns, and holds what is seen against what is expected.
 *
 * @module
 */
import type { Failure } from "../../_shared/synthetic_work.ts";
import { expectError, expectErrorAnywhere, type Thrown } from "../expect/errors.ts";
import { unmetOf } from "../expect/expect.ts";
import { askJudge, type Verdict } from "../expect/judge.ts";
import { type Held, type Unmet, unmet } from "../expect/met.ts";
import type { Expect, Turn } from "../scenario.ts";
import { ClientError } from "../telegram/acts.ts";
import { act, shownTurn } from "./act.ts";
import { adapt, type Adapted } from "./adapters/adapter.ts";
import { LAUNCHED } from "./adapters/launched.ts";
import { explained } from "./errors.ts";
import { quiet } from "./quiet.ts";
import { inScope } from "./scope.ts";
import { type Stage, timeoutOf } from "./stage.ts";
import { sleep } from "./timers.ts";
import { type Broken, limited } from "./wait.ts";
import { openWatch } from "./watch.ts";

export interface Played {
  failures: Failure[];
  judged: Verdict[];
  duration_ms: number;
  /** It was broken off, and says nothing about the bot. */
  stopped: boolean;
  /** Turns whose handlers still run. */
  handling: number[];
}

/** A factory that takes longer waits for something that will not come. */
const MAX_FACTORY_MS = 10_000;
const SETTLE_MS = 5;

export async function play(stage: Stage): Promise<Played> {
  const { scenario, deps, scope, llm, clock, traces } = stage;
  const played: Played = { failures: [], judged: [], duration_ms: 0, stopped: false, handling: [] };
  const watch = openWatch(stage);
  let told = 0;

  function fail(turn: number, failures: readonly Unmet[]): void {
    played.failures.push(...failures.map((one) => ({ turn, ...one })));
  }
  /** What the LLM client has to say. */
  function failCalls(turn: number): void {
    fail(turn, llm.failures.slice(told));
    told = llm.failures.length;
  }
  function uncaught(): Thrown[] {
    return scope.uncaught.splice(0).map((error) => ({ what: "Nobody has caught", said: explained(error) }));
  }
  /** Returns whether it goes on. */
  function broken(turn: number, how: Broken, what = "The bot"): false {
    if (how === "stopped") played.stopped = true;
    else fail(turn, [unmet("timeout", `${what} was not done within ${timeoutOf(scenario)} ms`)]);
    return false;
  }

  async function build(): Promise<Adapted | undefined> {
    try {
      const until = Math.min(stage.until, performance.now() + MAX_FACTORY_MS);
      const made = await limited(inScope(scope, () => make(stage)), until, deps.signal);
      if (made === "timeout") {
        fail(0, [unmet("timeout", `The factory has not made the bot in time. Does it wait for launch() or start()?`)]);
        return undefined;
      }
      if (made === "stopped") return void broken(0, made);
      // What it has begun, such as to launch, fails at once.
      await sleep(SETTLE_MS);
      const wrong = made.value.launched() ? LAUNCHED : uncaught()[0]?.said;
      if (wrong === undefined) return made.value;
      fail(0, [unmet("bot", `The factory has failed: ${wrong}`)]);
    } catch (error) {
      fail(0, [unmet("bot", `The factory has failed: ${explained(error)}`)]);
    }
    return undefined;
  }

  async function hold(turn: number, expected: Expect, held: Held): Promise<boolean> {
    const checked = await limited(inScope(scope, () => unmetOf(expected, held)), stage.until, deps.signal);
    if (typeof checked === "string") return broken(turn, checked, "`check`");
    fail(turn, checked.value);
    if (!expected.judge) return true;
    watch.judging(true);
    const asked = askJudge(expected.judge, held.seen.transcript, {
      llm: { baseUrl: llm.baseUrl, apiKey: llm.apiKey, fetch: llm.judgeFetch },
      model: deps.bot.judge?.model ?? null,
      pause: stage.live ? sleep : null,
    });
    const judged = await limited(asked, stage.until, deps.signal);
    // It has been read before it is paid for.
    await limited(llm.settled(), stage.until, deps.signal);
    watch.judging(false);
    if (llm.refused) return broken(turn, "stopped");
    if (typeof judged === "string") return broken(turn, judged, "The judge");
    // Where its recording is missing, that is what is told.
    if (llm.failures.length === told) fail(turn, judged.value.failures);
    if (judged.value.verdict) played.judged.push(judged.value.verdict);
    return true;
  }

  /** Returns whether the conversation goes on. */
  async function take(turn: Turn, number: number, bot: Adapted): Promise<boolean> {
    clock.nextTurn();
    const thrown: Thrown[] = [];
    watch.began(shownTurn(turn));
    const began = clock.worked();
    try {
      for (const update of await act(stage, turn)) {
        played.handling.push(number);
        inScope(scope, async () => await bot.handleUpdate(update))
          .catch((error) => thrown.push({ what: "A handler has failed", said: explained(error) }))
          .finally(() => played.handling.splice(played.handling.indexOf(number), 1));
      }
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      fail(number, [unmet("bot", error.message)]);
      return false;
    }
    const became = await quiet(stage, () => played.handling.length > 0);
    await traces.collect();
    const held = watch.ended(typeof became === "string" ? clock.worked() - began : became.at - began);
    played.duration_ms += held.seen.duration_ms;
    if (became === "stopped") return broken(number, became);
    failCalls(number);
    const { expect = {} } = turn;
    fail(number, expectError(held, [...thrown, ...uncaught()], expect.error, scenario.expect?.error));
    if (became === "timeout") return broken(number, became);
    if (bot.launched()) fail(number, [unmet("bot", LAUNCHED)]);
    const goesOn = await hold(number, expect, held);
    failCalls(number);
    return goesOn;
  }

  const bot = await build();
  if (!bot) return played;
  for (const [i, turn] of scenario.turns.entries()) {
    if (!await take(turn, i + 1, bot)) return played;
  }
  if (scenario.expect) {
    const held = watch.whole();
    fail(0, expectErrorAnywhere(held, scenario.expect.error));
    await hold(0, scenario.expect, held);
    failCalls(0);
  }
  fail(0, uncaught().map(({ what, said }) => unmet("bot", `${what}: ${said}`)));
  return played;
}

async function make({ deps, world, port, me, live, scenario }: Stage): Promise<Adapted> {
  const bot = await deps.bot.create(world);
  return await adapt(bot, { port, me, timeoutMs: timeoutOf(scenario), download: live ? download : refuseDownload });
}

async function download(url: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

const refuseDownload = (url: string): Promise<never> =>
  Promise.reject(new TypeError(`a replay opens no socket: ${url} cannot be sent by its address`));
