/**
 * What does it cost a bot to be traced?
 *
 * The same steps, in the same traces: not traced, over a bare AsyncLocalStorage, by this tracer, and by those that one could
 * take instead (`peers/`), each in a process of its own and set up as its documentation says, with its batches on. Where
 * they would leave the process they are taken at once: ours and LangSmith's and Sentry's as text, those of OpenTelemetry and
 * Langfuse before they become it. All are measured in turn, round by round, so that a noise of the machine hits all alike.
 *
 * A step waits for as little as a step can. Allocations are the growth of the heap between two collections, without what is
 * done in the background; the CPU time is the whole process's, with all of that.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { installPackages } from "../packages.ts";
import { Failure } from "../stack/failure.ts";
import type { Context, Size } from "./context.ts";
import { atMost, inTurn, type Measurement, median, percentile, ratioAtMost } from "./measure.ts";
import { bundle, type Program, start } from "./tracer/process.ts";
import type { Answer, Demand } from "./tracer/worker.ts";

const SIZES = {
  small: { rounds: 2, samples: 50, warmUp: 100, allocations: 3, steps: 20_000, peersSteps: 2_000 },
  full: { rounds: 40, samples: 100, warmUp: 1_000, allocations: 25, steps: 1_000_000, peersSteps: 1_000_000 },
};
const HERE = fileURLToPath(new URL("./", import.meta.url));
const PEERS_DIR = fileURLToPath(new URL("peers/", import.meta.url));

/** By the names of their modules. */
const OWN = { nothing: "not traced", bare: "bare AsyncLocalStorage", ours: "this tracer" };
const PEERS = { opentelemetry: "OpenTelemetry", langfuse: "Langfuse", langsmith: "LangSmith", sentry: "Sentry" };

interface Contender {
  name: string;
  program: Program<Demand, Answer>;
  us: Record<"step" | "trace", number[]>;
  /** Microseconds a trace, of each round. */
  cpu: number[];
  bytes: number;
  /** Bytes by which the heap has grown over so many steps. */
  growth: number;
  steps: number;
}

export async function tracer({ size, progress, report }: Context): Promise<void> {
  const contenders = await startAll(progress);
  try {
    await measureAll([...contenders.values()], size, progress);
  } finally {
    await Promise.all([...contenders.values()].map(({ program }) => program.stop()));
  }
  for (const line of lines(contenders)) report(line);
}

async function startAll(progress: Context["progress"]): Promise<Map<string, Contender>> {
  const contenders = new Map<string, Contender>();
  const add = async (key: string, name: string, module: string, cwd: string) => {
    const program = start<Demand, Answer>(name, await bundle(new URL(module, import.meta.url)), {
      cwd,
      flags: ["--expose-gc"],
    });
    contenders.set(key, { name, program, us: { step: [], trace: [] }, cpu: [], bytes: 0, growth: 0, steps: 0 });
  };
  for (const [key, name] of Object.entries(OWN)) await add(key, name, `tracer/${key}.ts`, HERE);
  try {
    const dir = await installPackages(PEERS_DIR, progress);
    for (const [key, name] of Object.entries(PEERS)) await add(key, name, `peers/${key}.ts`, dir);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`tracer: without its peers. ${error.message}`);
  }
  return contenders;
}

async function measureAll(all: Contender[], size: Size, progress: Context["progress"]): Promise<void> {
  const { rounds, samples, warmUp, allocations, steps, peersSteps } = SIZES[size];
  for (const what of ["step", "trace"] as const) {
    for (const { name, program } of all) {
      progress(`${name}: warming up`);
      await program.ask({ kind: "time", what, samples: warmUp });
    }
    for (let round = 0; round < rounds; round++) {
      progress(`a ${what}, ${all.length} contenders in turn`, round / rounds);
      await inTurn(
        round,
        all.map(({ program, us, cpu }) => async () => {
          const answer = await program.ask({ kind: "time", what, samples });
          us[what].push(...answer.values);
          if (what === "trace") cpu.push(answer.cpu);
        }),
      );
    }
  }
  for (const contender of all) {
    progress(`${contender.name}: allocations, and the heap`);
    contender.bytes = median((await contender.program.ask({ kind: "allocate", rounds: allocations })).values);
    contender.steps = Object.values(OWN).includes(contender.name) ? steps : peersSteps;
    const { values: [growth] } = await contender.program.ask({ kind: "grow", steps: contender.steps });
    contender.growth = growth!;
  }
}

function* lines(contenders: Map<string, Contender>): Generator<Measurement> {
  const [ours, bare, otel] = [contenders.get("ours")!, contenders.get("bare")!, contenders.get("opentelemetry")];
  for (const what of ["step", "trace"] as const) {
    const at = (contender: Contender, share: number) => percentile(contender.us[what], share);
    const title = (name: string) => what === "step" ? `an async step, ${name}` : `a trace of five steps, ${name}`;
    const measured = { case: title(ours.name), unit: "µs" };
    for (const share of [0.5, 0.95]) {
      const line = { ...measured, value: at(ours, share) };
      const p = `p${share * 100}`;
      yield { ...line, metric: `${p}, against ${bare.name}`, against: at(bare, share), bar: ratioAtMost(2) };
      if (otel) {
        yield { ...line, metric: `${p}, against ${otel.name}`, against: at(otel, share), bar: ratioAtMost(0.5) };
      }
    }
    yield { ...measured, metric: "p99", value: at(ours, 0.99) };
    for (const other of contenders.values()) {
      if (other === ours) continue;
      for (const share of [0.5, 0.95, 0.99]) {
        const line = { case: title(other.name), unit: "µs", value: at(other, share), against: at(ours, share) };
        yield { ...line, metric: `p${share * 100}, against ours` };
      }
    }
  }
  for (const { name, cpu } of contenders.values()) {
    yield {
      case: "CPU time, with what is done in the background",
      metric: `a trace, ${name}`,
      unit: "µs",
      value: median(cpu),
    };
  }
  for (const { name, bytes } of contenders.values()) {
    yield { case: "allocated", metric: `a step, ${name}`, unit: "B", value: bytes };
  }
  for (const { name, growth, steps } of contenders.values()) {
    const line = {
      case: `the heap after ${steps.toLocaleString("en")} steps`,
      metric: `has grown by, ${name}`,
      unit: "B",
      value: growth,
    };
    // Half a byte a step: less than anything that is kept of one, and more than what compiled code and caches still gain.
    yield name === ours.name ? { ...line, bar: atMost(500_000) } : line;
  }
}
