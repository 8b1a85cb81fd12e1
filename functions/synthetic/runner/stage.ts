/**
 * The world of one scenario: nothing in it is shared with another's.
 *
 * @module
 */
import { OPENAI_PRICES } from "../../../tracer/openai_prices.ts";
import type { World } from "../define.ts";
import type { LlmClient, openLlm } from "../llm/client.ts";
import type { NamedScenario } from "../scenario.ts";
import { createTelegram, type Telegram } from "../telegram/telegram.ts";
import type { User } from "../telegram/types.ts";
import { API_ROOT, openPort, type TelegramPort } from "./adapters/telegram_port.ts";
import { hashOf, seeded, uuids } from "./chance.ts";
import { type Clock, openClock } from "./clock.ts";
import type { ScenarioDeps } from "./run_scenario.ts";
import { openScope, type Scope } from "./scope.ts";
import { sleep } from "./timers.ts";
import { openTraces, type Traces } from "./traces.ts";

export interface Stage {
  scenario: NamedScenario;
  deps: ScenarioDeps;
  /** Whether time is real. */
  live: boolean;
  scope: Scope;
  clock: Clock;
  telegram: Telegram;
  port: TelegramPort;
  /** Key of the chat, for the person's side. */
  chat: string;
  token: string;
  me: User;
  traces: Traces;
  llm: LlmClient;
  world: World;
  /** Aborts with the run, and at the scenario's end. */
  ending: AbortController;
  signal: AbortSignal;
  /** As `performance.now()`: turns end here, which leaves time to clear up until `endAt`. */
  until: number;
  endAt: number;
}

export const timeoutOf = ({ timeout_ms = 60_000 }: NamedScenario): number => timeout_ms;
const USERNAME = "tested_bot";
/** Bots of a live run that are alive at once have ids of their own: the tracer paces messages by bot and chat. */
let bots = 0;

export function setStage(scenario: NamedScenario, deps: ScenarioDeps, openClient: typeof openLlm): Stage {
  const { mode, tier, bot } = deps;
  const live = mode !== "replay";
  const timeoutMs = timeoutOf(scenario);
  const endAt = performance.now() + timeoutMs;
  const clock = openClock(live);
  const ending = new AbortController();
  const signal = AbortSignal.any([deps.signal, ending.signal]);

  const hash = hashOf(scenario.name);
  const userId = 1_000_000_000 + hash % 1_000_000_000;
  const token = `${7_000_000_000 + hash % 1_000_000_000 + (live ? bots++ : 0)}:AA-synthetic`;
  const telegram = createTelegram({
    bots: [{ token, username: USERNAME, first_name: "Bot" }],
    users: [{ id: userId, first_name: "Robin", language_code: "en", ...scenario.user }],
    now: clock.now,
    fetch: () => Promise.reject(new TypeError("the runner delivers the updates itself")),
  });
  const { key: chat, bots: [me] } = telegram.client.openChat(userId, USERNAME);
  const port = openPort(telegram, token);
  const traces = openTraces(deps.transport);
  const llm = openClient({
    mode,
    provider: deps.provider,
    ledger: deps.ledger,
    recordings: deps.recordings,
    record: deps.record,
    cache: scenario.cache ?? false,
    models: scenario.models?.[tier] ?? bot.models?.[tier] ?? {},
    prices: bot.prices ?? OPENAI_PRICES,
    signal,
    ...(mode !== "live" && { advance: clock.advance }),
    hold: clock.hold,
  });

  const seed = (deps.seed ^ hash) >>> 0;
  const world: World = {
    token,
    apiRoot: API_ROOT,
    tracer: traces.tracer,
    llm: { baseUrl: llm.baseUrl, apiKey: llm.apiKey, fetch: live ? llm.fetch : unhurried(llm.fetch, port) },
    now: clock.now,
    newId: uuids(seeded(seed)),
    random: seeded(~seed),
    signal,
  };
  return {
    scenario,
    deps,
    live,
    scope: openScope(port.download),
    clock,
    telegram,
    port,
    chat,
    token,
    me: me!,
    traces,
    llm,
    world,
    ending,
    signal,
    until: endAt - spareMs(timeoutMs, live),
    endAt,
  };
}

/** A paid call that is broken off wants to be settled: its provider is asked what it has cost, for some seconds. */
const spareMs = (timeoutMs: number, live: boolean): number =>
  live ? Math.min(6_000, timeoutMs * 0.2) : Math.min(500, timeoutMs * 0.1);

const BREATH_MS = 5;

/**
 * A recorded answer comes at once, which no real one does: what the bot has begun by then, such as a progress message, is done
 * before it, so that a replay always goes the same way.
 */
function unhurried(answer: typeof fetch, port: TelegramPort): typeof fetch {
  return async (...args) => {
    const response = await answer(...args);
    await sleep(BREATH_MS);
    while (port.underWay.length > 0) await sleep(1);
    return response;
  };
}
