/** What `npm run synthetic` is told. */
import { parseArgs } from "node:util";
import type { SyntheticMode, SyntheticTier } from "../../functions/_shared/synthetic_answers.ts";

export const HELP =
  `Synthetic tests: conversations with your bot, each held against what has to come of it. docs/synthetic.md has more.

  npm run synthetic -- --dry-run          replays what was recorded: offline, free, the same each time
  npm run synthetic                       the smoke tests, live: says what they will cost, and asks
  npm run synthetic -- release            all scenarios, with the bot's own models
  npm run synthetic -- release 'refund*'  those whose names fit; quotes keep the shell off the *

  --record [all|missing]  writes what is answered to functions/synthetic/recordings/; missing: pays only for what is not there
  --repeat n              each scenario n times, in another order each time, to find the flaky ones (1 to 100)
  --seed n                the order of an earlier run; without it live runs take a random one
  --concurrency n         as many scenarios at once (1 to 16); without it the setting
  --spend dollars         ceiling of the run, such as 0.25. Confirms it: needed where nobody can be asked
  --junit file            the report as JUnit XML
  --json file|-           the report as JSON; - writes it to stdout, and all else to stderr

  --list                  the scenarios of this folder
  --resume run            goes on with a live run of this folder that was broken off, within its ceiling
  --stop run              stops a run, or takes back one that is not confirmed
  --pull run              writes the recordings of a run, such as one of /admin test
  --local                 the local stack (npm run stack -- up), also where .env names a project

Live runs are paid for by the provider's key in functions/synthetic/bot.ts, and kept to the caps of the database in .env.
Under CI=true only --dry-run runs. Exit code 0: all passed; 1: something failed; 2: refused, used wrongly, or
it could not go on; 3: out of budget, stopped, or billed above what prices allow; 130: Ctrl-C, or nobody reads any more
what it says; 137: code that never awaits was cut off.`;

/** Used wrongly, or refused before anything was done. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** Whether the help would help. */
  readonly usage: boolean;

  constructor(message: string, { usage = false } = {}) {
    super(message);
    this.usage = usage;
  }
}

export interface RunArgs {
  act: "run";
  tier: SyntheticTier;
  names: string[];
  mode: SyntheticMode;
  record: boolean;
  repeat: number;
  seed: number | undefined;
  concurrency: number | undefined;
  /** Micro-dollars. */
  spend: number | undefined;
}

export type Act = RunArgs | { act: "help" | "list" } | { act: "resume" | "stop" | "pull"; run: string };

export type Args = Act & { junit: string | undefined; json: string | undefined; local: boolean };

const RUN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws {Refusal} */
export function readArgs(args: readonly string[]): Args {
  const { values, positionals } = parsed(args);
  const shared = { junit: values.junit, json: values.json, local: values.local };
  if (values.help) return { act: "help", ...shared };
  if (shared.junit === "-") throw new Refusal("--junit takes a file", { usage: true });

  const acts = (["list", "resume", "stop", "pull"] as const).filter((name) => values[name] !== undefined);
  const [act] = acts;
  if (!act) return { ...runArgs(values, positionals), ...shared };
  const others = ["dry-run", "record", "repeat", "seed", "concurrency", "spend"].filter((name) => name in values);
  if (acts.length > 1 || others.length > 0 || positionals.length > 0) {
    const what = [...acts.slice(1), ...others].map((name) => `--${name}`).join(", ") || "tier and no names";
    // Whoever has begun it with --record wants it to go on so.
    const more = act === "resume" ? ": a run goes on as it was begun" : "";
    throw new Refusal(`--${act} takes no ${what}${more}`, { usage: true });
  }
  if (act === "list") return { act, ...shared };
  const run = values[act]!;
  if (!RUN.test(run)) throw new Refusal(`--${act} takes a run's id, not ${run}`, { usage: true });
  return { act, run, ...shared };
}

type Values = ReturnType<typeof parsed>["values"];

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: asValues(args),
      allowPositionals: true,
      options: {
        "dry-run": { type: "boolean" },
        record: { type: "string" },
        repeat: { type: "string" },
        seed: { type: "string" },
        concurrency: { type: "string" },
        spend: { type: "string" },
        junit: { type: "string" },
        json: { type: "string" },
        list: { type: "boolean" },
        resume: { type: "string" },
        stop: { type: "string" },
        pull: { type: "string" },
        local: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new Refusal((error as Error).message, { usage: true });
  }
}

const NUMBERS = ["--repeat", "--seed", "--concurrency", "--spend"];

/** As `parseArgs` takes it: the value of `--record` may be left out, and numbers below 0 are values, which we refuse ourselves. */
function asValues(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (arg === "--record") return ["all", "missing"].includes(args[i + 1] ?? "") ? [arg] : ["--record=all"];
    if (NUMBERS.includes(arg) && isNegative(args[i + 1])) return [`${arg}=${args[i + 1]}`];
    return NUMBERS.includes(args[i - 1] ?? "") && isNegative(arg) ? [] : [arg];
  });
}

const isNegative = (arg = ""): boolean => /^-[.\d]/.test(arg);

function runArgs(values: Values, positionals: string[]): RunArgs {
  const { record, "dry-run": dry = false } = values;
  const [first] = positionals;
  const tier = first === "smoke" || first === "release" ? first : undefined;
  if (record !== undefined && record !== "all" && record !== "missing") {
    throw new Refusal(`--record takes all or missing, not ${record}`, { usage: true });
  }
  const pointless = (["record", "spend", "concurrency"] as const).filter((name) => values[name] !== undefined);
  if (dry && pointless.length > 0) {
    throw new Refusal(`--dry-run replays one after the other, for free: it takes no --${pointless[0]}`, {
      usage: true,
    });
  }
  return {
    act: "run",
    tier: tier ?? "smoke",
    names: positionals.slice(tier ? 1 : 0),
    mode: dry ? "replay" : record === "missing" ? "missing" : "live",
    record: record !== undefined,
    repeat: whole("repeat", values.repeat, 1, 100) ?? 1,
    seed: whole("seed", values.seed, 0, 2 ** 31 - 1),
    concurrency: whole("concurrency", values.concurrency, 1, 16),
    spend: dollars(values.spend),
  };
}

function whole(name: string, value: string | undefined, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw new Refusal(`--${name} takes a whole number from ${least} to ${most}, not ${value}`, { usage: true });
}

/** In micro-dollars. */
function dollars(value: string | undefined): number | undefined {
  const amount = value === undefined ? undefined : readDollars(value);
  if (amount !== null) return amount;
  throw new Refusal(`--spend takes dollars, such as 0.25, at least 0.000001, not ${value}`, { usage: true });
}

/** Of what a person writes, in micro-dollars; null: that is no amount that can be spent. */
export function readDollars(text: string): number | null {
  const amount = /^\$?(?=.*\d)\d{0,6}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text.replace("$", "")) * 1e6) : 0;
  return amount > 0 ? amount : null;
}
