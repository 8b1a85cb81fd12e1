/** A live run in this process: asked for, confirmed, worked on, told of. */
import { randomUUID } from "node:crypto";
import type { AskAnswer, ConfirmAnswer, RunAsk, SyntheticRun } from "../../functions/_shared/synthetic_answers.ts";
import type { RunKey, SyntheticDb } from "../../functions/_shared/synthetic_db.ts";
import type { EnteredRun } from "../../functions/_shared/synthetic_work.ts";
import type { Provider } from "../../functions/synthetic/define.ts";
import { scenarioEntries } from "../../functions/synthetic/suite/entries.ts";
import { type KeptRecordings, keptRecordings } from "../../functions/synthetic/suite/recordings.ts";
import { sqlStore } from "../../functions/synthetic/suite/sql_store.ts";
import { runSuite } from "../../functions/synthetic/suite/suite.ts";
import type { NamedScenario } from "../../functions/synthetic/scenario.ts";
import { Failure } from "../stack/failure.ts";
import { Refusal, type RunArgs } from "./args.ts";
import { askForCeiling, estimateLines, spendLines } from "./asking.ts";
import { openProgress } from "./progress.ts";
import { readRecordings, type Suite, writeRecordings } from "./suite.ts";
import type { Terminal } from "./terminal.ts";
import { forgetToken, keepToken } from "./tokens.ts";
import { dollars } from "./units.ts";
import { noticingWaits } from "./waiting.ts";

export interface LiveDeps {
  suite: Suite;
  db: SyntheticDb;
  /** Whose database it is, for people. */
  where: string;
  /** Whether it had to be named. */
  local: boolean;
  terminal: Terminal;
  /** Folder of the tokens of runs. */
  tokensDir: string;
  /** Aborts with Ctrl-C. */
  signal: AbortSignal;
}

/** What the person types to act on a run. */
const command = (act: "resume" | "stop", run: string, { local }: Pick<LiveDeps, "local">) =>
  `npm run synthetic -- --${act} ${run}${local ? " --local" : ""}`;

/** Says what it costs, and takes a yes for it. @throws {Refusal} */
export async function confirmRun(args: RunArgs, scenarios: readonly NamedScenario[], deps: LiveDeps): Promise<RunKey> {
  const { db, suite, terminal, where, signal } = deps;
  const recordings = Object.fromEntries(
    scenarios.map(({ name }) => [name, readRecordings(suite.recordingsDir, name)]),
  );
  const { tier, mode, repeat, seed, concurrency } = args;
  const ask = asked(
    await db.askRun(null, {
      tier,
      mode,
      repeat,
      entries: scenarioEntries(scenarios, recordings, suite.bot),
      ...(seed !== undefined && { seed }),
      ...(concurrency !== undefined && { concurrency }),
    }),
    deps,
  );
  try {
    const recorded = scenarios.map(({ name }) => name).filter((name) => recordings[name]!.length > 0);
    terminal.err(`${estimateLines(ask, recorded, where).join("\n")}\n`);
    const ceiling = args.spend ?? await askForCeiling(ask, terminal, signal);
    signal.throwIfAborted();
    const { run_id, token, ceiling_microusd } = confirmed(await db.confirmRun(null, ask.run_id, ceiling), ask);
    keepToken(deps.tokensDir, { run_id, token, record: args.record });
    terminal.err(`Run ${run_id}, up to ${dollars(ceiling_microusd)}\n`);
    return { run_id, token };
  } catch (error) {
    // It would run out by itself.
    await db.stopRun(null, ask.run_id).catch(() => {});
    throw error;
  }
}

const RAISE = "An owner can raise the caps: docs/synthetic.md, under Money.";

function asked(answer: AskAnswer, deps: LiveDeps): RunAsk {
  if ("refused" in answer) throw new Refusal(`A run needs the role ${answer.refused}.`);
  if (!("no" in answer)) return answer;
  switch (answer.no) {
    case "none":
      throw new Refusal("There is nothing to run.");
    case "running":
      throw new Refusal(`Run ${answer.run_id} is going on. Stop it: ${command("stop", answer.run_id, deps)}`);
    case "cap":
      throw new Refusal(`Nothing is left to be spent. ${spendLines(answer.spend, deps.where).join("\n")}\n${RAISE}`);
  }
}

function confirmed(answer: ConfirmAnswer, ask: RunAsk): Extract<ConfirmAnswer, { token: string }> {
  if ("token" in answer) return answer;
  if ("refused" in answer) throw new Refusal(`A run needs the role ${answer.refused}.`);
  const why: Record<typeof answer.no, string> = {
    expired: "That took longer than five minutes, and prices may have changed. Start it again.",
    used: "Somebody has confirmed it before.",
    not_yours: "Somebody else has asked for it.",
    over_cap: `That is more than is left: ${dollars(ask.left_microusd)}. Give less with --spend. ${RAISE}`,
    no_ceiling: "What it costs is not known. Give a ceiling with --spend.",
    gone: "It was taken back.",
  };
  throw new Refusal(why[answer.no]);
}

export interface Worked {
  run: SyntheticRun;
  /** Files of recordings that are others now. */
  files: string[];
}

/** Works on a run until it is over. @throws {Failure} when the database was away for too long: the run can go on. */
export async function workOn(
  key: RunKey,
  { record, provider }: { record: boolean; provider: Provider },
  deps: LiveDeps,
): Promise<Worked> {
  const { db, suite, terminal, tokensDir, signal } = deps;
  const entered = await db.enterRun(key);
  const before = await db.getRun(key.run_id);
  if (!entered || !before) {
    forgetToken(tokensDir, key.run_id);
    throw new Refusal(`Run ${key.run_id} is over${before ? `: ${before.state}` : ""}.`);
  }
  terminal.err(`${headLine(entered)}\n`);
  const progress = openProgress(terminal, {
    total: before.results.length,
    done: before.results.filter(({ state }) => state === "passed" || state === "failed").length,
    spentMicrousd: before.spent_microusd,
    repeat: before.repeat,
  });
  const recordings = new Map<string, KeptRecordings>();
  let stopping: Promise<unknown> | undefined;
  const stop = () => stopping = db.stopRun(null, key.run_id).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let files: string[];
  let end;
  try {
    end = await runSuite({
      head: entered,
      store: noticingWaits(
        sqlStore({
          db,
          run: key,
          worker: randomUUID(),
          signal,
          settled: ({ cost_microusd }) => progress.paid(cost_microusd),
        }),
        () => progress.say("Waiting for what the worker before had: up to 30 s"),
      ),
      scenarios: suite.scenarios,
      bot: suite.bot,
      provider,
      recordingsOf: (name) => {
        const kept = recordings.get(name) ?? keptRecordings(readRecordings(suite.recordingsDir, name));
        recordings.set(name, kept);
        return kept;
      },
      record,
      signal,
      progress: (event) => event.kind === "ended" && progress.ended(event.taken, event.outcome),
      runScenario: suite.runScenario,
    });
    await stopping;
  } catch (error) {
    if (!signal.aborted) terminal.err(`\nThe run can go on: ${command("resume", key.run_id, deps)}\n`);
    throw error;
  } finally {
    progress.close();
    signal.removeEventListener("abort", stop);
    // What was paid for is kept, however it ended.
    files = [...recordings].flatMap(([name, kept]) => writeRecordings(suite.recordingsDir, name, kept.added()) ?? []);
  }
  if (end === "lost") {
    throw new Failure(
      "The database was away for too long, and paid calls were stopped.",
      `Go on with what is left of the run: ${command("resume", key.run_id, deps)}`,
    );
  }
  const run = await db.getRun(key.run_id);
  if (run?.state !== "running") forgetToken(tokensDir, key.run_id);
  return { run: run ?? before, files };
}

const headLine = ({ tier, mode, seed, concurrency }: EnteredRun) =>
  `${tier}, ${mode === "missing" ? "recordings and live" : mode}, ${concurrency} at once, seed ${seed}`;
