/** `npm run synthetic`, as a function: what it is told, and its exit code. */
import { RpcError } from "../../functions/_shared/errors.ts";
import type { SyntheticDb } from "../../functions/_shared/synthetic_db.ts";
import type { Provider } from "../../functions/synthetic/define.ts";
import { Invalid } from "../scenario/problem.ts";
import { Failure } from "../stack/failure.ts";
import { type Act, type Args, HELP, readArgs, Refusal, type RunArgs } from "./args.ts";
import { dryRun, seedOfReplay } from "./dry_run.ts";
import { confirmRun, type LiveDeps, workOn } from "./live.ts";
import { forbidSockets } from "./no_sockets.ts";
import { pull } from "./pull.ts";
import { exitCodeOf, reportOfRun, type SuiteReport } from "./report.ts";
import { selected } from "./select.ts";
import { readRecordings, type Suite } from "./suite.ts";
import { mustBeWritable, tell } from "./tell.ts";
import type { Terminal } from "./terminal.ts";
import { readToken } from "./tokens.ts";
import { counted } from "./units.ts";

export interface Deps {
  env: Record<string, string | undefined>;
  terminal: Terminal;
  load(): Promise<Suite>;
  connect(options: { local: boolean }): Promise<{ db: SyntheticDb; where: string }>;
  /** Where tokens of runs are kept. */
  tokensDir: string;
  /** Shows nothing of it from then on. */
  hide(name: string, secret: string): void;
  /** Aborts with Ctrl-C. */
  signal: AbortSignal;
}

const NOT_DONE = 2;
const INTERRUPTED = 130;
const SEE_HELP = "What to do: npm run synthetic -- --help shows what can be told.";

/** Resolves to the exit code. */
export async function main(argv: readonly string[], deps: Deps): Promise<number> {
  const { terminal, signal } = deps;
  try {
    const args = readArgs(argv);
    const report = await act(args, deps);
    if (!report) return 0;
    tell(report, args, terminal);
    return signal.aborted ? INTERRUPTED : exitCodeOf(report);
  } catch (error) {
    if (signal.aborted) {
      terminal.err("\nBroken off.\n");
      return INTERRUPTED;
    }
    terminal.err(`${words(error)}\n`);
    // No test has failed by it.
    return NOT_DONE;
  }
}

async function act(args: Args, deps: Deps): Promise<SuiteReport | undefined> {
  const { terminal } = deps;
  for (const file of [args.junit, args.json]) if (file && file !== "-") mustBeWritable(file);
  switch (args.act) {
    case "help":
      return terminal.out(`${HELP}\n`) as undefined;
    case "list":
      return list(await deps.load(), terminal) as undefined;
    case "stop":
      return await stop(args.run, args, deps) as undefined;
    case "pull":
      return await pulled(args.run, await deps.connect(args), await deps.load(), terminal) as undefined;
    case "resume":
      return await resume(args, deps);
    case "run":
      return args.mode === "replay" ? await replay(args, deps) : await live(args, deps);
  }
}

async function replay(args: Args & RunArgs, { load, terminal, signal }: Deps): Promise<SuiteReport> {
  const suite = await load();
  const scenarios = selected(suite.scenarios, args.tier, args.names);
  const seed = args.seed ?? seedOfReplay(scenarios);
  const sockets = forbidSockets();
  try {
    terminal.err(`${args.tier}, dry run, seed ${seed}\n`);
    const report = await dryRun(suite, scenarios, { ...args, seed }, sockets, signal);
    if (sockets.others.size === 0) return report;
    throw new Failure(
      `Something wanted a socket to ${[...sockets.others].sort().join(", ")}, outside of any scenario.`,
      "A dry run opens none. Look at what functions/synthetic/bot.ts and the scenarios do when they are loaded.",
    );
  } finally {
    sockets.restore();
  }
}

async function live(args: Args & RunArgs, deps: Deps): Promise<SuiteReport> {
  mustBeAPerson(deps.env);
  const suite = await deps.load();
  const scenarios = selected(suite.scenarios, args.tier, args.names);
  if (args.spend === undefined && !deps.terminal.interactive) {
    throw new Refusal(
      "Nobody can be asked here whether this may cost money. Give a ceiling with --spend, or use --dry-run.",
    );
  }
  const provider = payer(suite, deps);
  const liveDeps: LiveDeps = { ...deps, suite, local: args.local, ...await deps.connect(args) };
  const key = await confirmRun(args, scenarios, liveDeps);
  return await work(key, { record: args.record, provider }, liveDeps);
}

async function resume(
  args: Args & Extract<Act, { act: "resume" | "stop" | "pull" }>,
  deps: Deps,
): Promise<SuiteReport> {
  mustBeAPerson(deps.env);
  const kept = readToken(deps.tokensDir, args.run);
  if (!kept) throw new Refusal(`Run ${args.run} is over, or it was not begun by npm run synthetic in this folder.`);
  const suite = await deps.load();
  const provider = payer(suite, deps);
  const { record, ...key } = kept;
  const connected = await deps.connect(args);
  const report = await work(key, { record: false, provider }, { ...deps, suite, local: args.local, ...connected });
  // What was answered before it was broken off is in the database alone.
  if (record) await pulled(args.run, connected, suite, deps.terminal);
  return report;
}

async function pulled(run: string, { db }: { db: SyntheticDb }, suite: Suite, terminal: Terminal): Promise<void> {
  if (await db.getRun(run) === null) throw noRun(run);
  const { calls, files } = await pull(db, run, suite.recordingsDir);
  if (files.length > 0) await suite.recorded?.();
  terminal.err(
    `${counted(calls, "recorded call")}; ${
      files.length > 0 ? `written: ${files.join(", ")}` : "all of them were here"
    }\n`,
  );
}

async function work(...[key, options, deps]: Parameters<typeof workOn>): Promise<SuiteReport> {
  const { run, files } = await workOn(key, options, deps);
  if (files.length > 0) {
    deps.terminal.err(`Recorded: ${files.join(", ")}\n`);
    await deps.suite.recorded?.();
  }
  return reportOfRun(run);
}

async function stop(run: string, args: Args, { connect, terminal }: Deps): Promise<void> {
  const { db } = await connect(args);
  const answer = await db.stopRun(null, run);
  if (!("state" in answer)) throw noRun(run);
  terminal.err(`Run ${run}: ${answer.state}\n`);
}

/** Runs do not stay for ever. */
const noRun = (run: string) => new Refusal(`There is no run ${run}.`);

function list({ scenarios, recordingsDir }: Suite, terminal: Terminal): void {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  for (const { name, smoke, title } of selected(scenarios, "release", [])) {
    const calls = readRecordings(recordingsDir, name).length;
    terminal.out(
      `${name.padEnd(width)}  ${smoke ? "smoke  " : "release"}  ${String(calls).padStart(3)} recorded  ${title}\n`,
    );
  }
}

function mustBeAPerson({ CI = "" }: Deps["env"]): void {
  if (["", "0", "false"].includes(CI.toLowerCase())) return;
  throw new Refusal(
    `Paid runs are for people, and CI=${CI} says that this is none. Use --dry-run: it replays recordings.`,
  );
}

function payer({ bot }: Suite, { env, hide }: Deps): Provider {
  try {
    const provider = bot.provider((name) => env[name]);
    hide("the provider's key", provider.apiKey);
    return provider;
  } catch (error) {
    throw new Refusal((error as Error).message);
  }
}

function words(error: unknown): string {
  if (error instanceof Refusal) return error.usage ? `${error.message}\n\n${SEE_HELP}` : error.message;
  // A line for each, with its place.
  if (error instanceof Invalid) return error.message;
  if (error instanceof Failure) return `${error.message}\n\nWhat to do: ${error.todo}`;
  if (error instanceof RpcError) {
    const does = error.code === "" ? "The database does not answer:" : `The database refuses: ${error.code}`;
    return `${does} ${error.message}${error.hint ? `\n\nWhat to do: ${error.hint}` : ""}`;
  }
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
