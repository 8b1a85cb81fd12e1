/**
 * /functions/v1/synthetic: works on runs that somebody has confirmed.
 *
 * GET registers the scenarios that are bundled here. POST {run_id, token} works on a run until it is over or the time of one
 * invocation is, and then asks for the next one. Whatever becomes of this one, another goes on: the database keeps who has what.
 *
 * @module
 */
import { readJson } from "../_shared/body.ts";
import { RpcError } from "../_shared/errors.ts";
import type { RunKey, SyntheticDb } from "../_shared/synthetic_db.ts";
import type { EnteredRun } from "../_shared/synthetic_work.ts";
import type { BotUnderTest } from "./define.ts";
import type { Recorded } from "./llm/ports.ts";
import type { NamedScenario } from "./scenario.ts";
import { scenarioEntries } from "./suite/entries.ts";
import { failedOf } from "./suite/outcomes.ts";
import { keptRecordings } from "./suite/recordings.ts";
import { sqlStore } from "./suite/sql_store.ts";
import { runSuite, type SuiteEnd, type SuiteOptions } from "./suite/suite.ts";
import type { Teller } from "./teller.ts";

const MAX_BODY_BYTES = 4096;

export interface SyntheticDeps {
  db: SyntheticDb;
  scenarios: readonly NamedScenario[];
  recordings: Readonly<Record<string, readonly Recorded[]>>;
  bot: BotUnderTest;
  /** Reads an environment variable, for the bot's provider. */
  env: (name: string) => string | undefined;
  /** How long one invocation takes scenarios, in milliseconds. */
  sliceMs: number;
  /** Asks for the next invocation. */
  handOver: (run: RunKey) => Promise<void>;
  /** Tells those who watch the run. */
  teller: (runId: string) => Teller;
  /** Keeps the function running until `work`, which never rejects, has ended. */
  background: (work: Promise<void>) => void;
  log: (record: { level: "info" | "warn"; event: string; [field: string]: unknown }) => void;
  runScenario?: SuiteOptions["runScenario"];
}

export function createSynthetic(deps: SyntheticDeps): (req: Request) => Promise<Response> {
  const { db, scenarios, log } = deps;
  /** Runs that this isolate works on. */
  const working = new Set<string>();
  let registered: Promise<void> | undefined;

  return async function synthetic(req) {
    try {
      if (req.method === "GET") return await register();
      if (req.method !== "POST") return answer(405, "method_not_allowed");
      const body = await readJson(req, MAX_BODY_BYTES);
      if (!body.ok) return answer(body.status, body.code);
      const run = runKey(body.value);
      if (!run) return answer(400, "not_a_run");
      const entered = await db.enterRun(run);
      if (!entered) return answer(401, "wrong_token");
      // Twice here would be twice as many at once as was asked for.
      if (!working.has(run.run_id)) begin(run, entered);
      return answer(202, "working");
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      log({ level: "warn", event: "synthetic_refused", code: error.code, error: error.message });
      return error.status === 400 ? answer(400, "not_a_run") : answer(503, "database_away");
    }
  };

  async function register(): Promise<Response> {
    registered ??= db.registerScenarios(scenarioEntries(scenarios, deps.recordings, deps.bot));
    await registered.catch((error) => {
      registered = undefined;
      throw error;
    });
    return Response.json({ scenarios: scenarios.length });
  }

  function begin(run: RunKey, entered: EnteredRun): void {
    working.add(run.run_id);
    const teller = deps.teller(run.run_id);
    const worked = work(run, entered, teller).catch((error: unknown) => {
      // The database pokes whoever is there, a minute later.
      log({ level: "warn", event: "synthetic_broken", run_id: run.run_id, error: String(error) });
      return "lost" as const;
    });
    deps.background(worked.then(async (end) => {
      working.delete(run.run_id);
      log({ level: end === "lost" ? "warn" : "info", event: "synthetic_worked", run_id: run.run_id, end });
      await (end === "more" ? deps.handOver(run) : undefined);
      await teller.close();
    }));
  }

  function work(run: RunKey, entered: EnteredRun, teller: Teller): Promise<SuiteEnd> {
    const { signal } = new AbortController();
    return runSuite({
      head: entered,
      store: sqlStore({ db, run, worker: crypto.randomUUID(), signal, settled: teller.tell }),
      scenarios,
      bot: deps.bot,
      ...payer(entered),
      recordingsOf: (scenario) => keptRecordings(deps.recordings[scenario] ?? []),
      // What is paid for is in the journal, from which `npm run synthetic -- --pull` writes files.
      record: false,
      signal,
      until: performance.now() + deps.sliceMs,
      progress: teller.tell,
    });
  }

  /** Without a provider each scenario says why. */
  function payer({ mode }: EnteredRun): Pick<SuiteOptions, "provider" | "runScenario"> {
    const own = deps.runScenario ? { runScenario: deps.runScenario } : {};
    if (mode === "replay") return { provider: null, ...own };
    try {
      return { provider: deps.bot.provider(deps.env), ...own };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { provider: null, runScenario: ({ hash }) => Promise.resolve(failedOf(message, hash)) };
    }
  }
}

function runKey(value: unknown): RunKey | undefined {
  const { run_id, token } = Object(value) as Record<string, unknown>;
  const isRun = typeof run_id === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(run_id);
  return isRun && typeof token === "string" && token !== "" ? { run_id, token } : undefined;
}

/** Callers read the status; the code is for people. */
const answer = (status: number, code: string): Response => Response.json({ code }, { status });
