/**
 * npm run bench -- [name …]: questions about the product that have a number as their answer.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { Failure } from "../stack/failure.ts";
import { admin } from "./admin.ts";
import { bot } from "./bot.ts";
import { bytes } from "./bytes.ts";
import { type Clusters, openClusters } from "./cluster.ts";
import type { Benchmark, Context, Size } from "./context.ts";
import { load } from "./data.ts";
import { ingest } from "./ingest.ts";
import { exitCode, judge, type Result } from "./measure.ts";
import { pages } from "./pages.ts";
import { progress } from "./progress.ts";
import { retention } from "./retention.ts";
import { stats } from "./stats.ts";
import { table, writeResults } from "./results.ts";
import { tracer } from "./tracer.ts";

const BENCHMARKS: Record<string, Benchmark> = { tracer, bot, bytes, pages, stats, ingest, retention, admin };

const HELP =
  `Questions about the product that have a number as their answer. Those about the database are asked of a Postgres of their
own, against the plain design that people write first: one table of jsonb documents, offset and count(*), DELETE.

  npm run bench -- [name …]        the ones that are named, or all

  tracer     what does a step cost, against other tracers, which it fetches for that?
  bot        what does it cost the example bot to be traced?
  bytes      how large is a trace?
  pages      how long does a page of ten million traces take, and one of them?
  stats      how long do the statistics of a week take?
  ingest     how many traces a second does the door take?
  retention  how long does it take to be rid of a day?
  admin      how long does an admin wait for a screen, of a million traces?

  --size small|full   small proves that the benchmarks work, in seconds; full takes an hour, 4 GB of memory and 25 GB of disk
                      under .stack/, and there a missed bar is exit code 1. Default: small
  --json              one object a line: {bench, case, metric, value, unit, against, ratio, bar, ok}
  --write             puts the results into scripts/bench/RESULTS.md as well`;

const DATASETS = { small: { few: 3_000, many: 20_000 }, full: { few: 100_000, many: 10_000_000 } };

interface Asked {
  names: string[];
  size: Size;
  json: boolean;
  write: boolean;
}

/** What the arguments ask for; undefined when they make no sense. */
function asked(): Asked | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        size: { type: "string", default: "small" },
        json: { type: "boolean", default: false },
        write: { type: "boolean", default: false },
      },
    });
    const { size, json, write } = values;
    if (size !== "small" && size !== "full") throw new Error(`--size ${size} is neither small nor full.`);
    const unknown = positionals.filter((name) => !Object.hasOwn(BENCHMARKS, name));
    if (unknown.length > 0) throw new Error(`Unknown: ${unknown.join(" ")}`);
    return { names: positionals.length > 0 ? positionals : Object.keys(BENCHMARKS), size, json, write };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    return undefined;
  }
}

/** Removed with everything in it, also when we are interrupted. */
let clusters: Clusters | undefined;
let interrupted = false;

async function main({ names, size, json, write }: Asked): Promise<number> {
  const own = clusters = openClusters((message) => progress(message));
  let loading: ReturnType<Context["datasets"]> | undefined;
  const results: Result[] = [];
  for (const name of names) {
    const answers: Result[] = [];
    await BENCHMARKS[name]!({
      size,
      clusters: own,
      datasets: () => loading ??= loadBoth(own, size),
      progress: (what, share) => progress(`${name}: ${what}`, share),
      report: (measurement) => {
        const result = judge(name, measurement);
        answers.push(result);
        if (json) console.log(JSON.stringify(result));
      },
    });
    progress();
    if (!json) console.log(`${table(name, answers)}\n`);
    results.push(...answers);
  }
  if (write) await writeResults(results, size, own);
  if (!json && size === "small") {
    console.log("The small size proves that the benchmarks work; the bars are the full size's.");
  }
  return exitCode(results, size);
}

async function loadBoth(clusters: Clusters, size: Size) {
  const loaded = async (traces: number) => {
    const what = `loading ${traces.toLocaleString("en")} traces`;
    return load(await clusters.start(), traces, (share) => progress(what, share));
  };
  const { few, many } = DATASETS[size];
  return { few: await loaded(few), many: await loaded(many) };
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  interrupted = true;
  progress();
  await clusters?.close();
  process.exit(signal === "SIGINT" ? 130 : 143);
}

if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
  console.log(HELP);
} else {
  const wanted = asked();
  if (!wanted) process.exitCode = 2;
  else {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void stop(signal));
    try {
      process.exitCode = await main(wanted);
    } catch (error) {
      if (!interrupted) console.error(error instanceof Failure ? `${error.message}\n${error.todo}` : error);
      process.exitCode = 1;
    } finally {
      progress();
      if (!interrupted) await clusters?.close();
    }
  }
}
