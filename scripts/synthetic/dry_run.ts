/** `--dry-run`: what was recorded, once more. No socket, no money, no clock. */
import type { NamedScenario } from "../../functions/synthetic/scenario.ts";
import { memoryStore } from "../../functions/synthetic/suite/memory_store.ts";
import { rounds, seedOf } from "../../functions/synthetic/suite/order.ts";
import { keptRecordings } from "../../functions/synthetic/suite/recordings.ts";
import { runSuite } from "../../functions/synthetic/suite/suite.ts";
import type { RunArgs } from "./args.ts";
import type { NoSockets } from "./no_sockets.ts";
import { reportOfReplay, type SuiteReport } from "./report.ts";
import { readRecordings, type Suite } from "./suite.ts";

/** The order is the same each time, unless `--seed` says another; and another once a scenario is. */
export const seedOfReplay = (scenarios: readonly NamedScenario[]): number =>
  seedOf(scenarios.map(({ name, hash }) => `${name} ${hash}`).join("\n"));

export async function dryRun(
  suite: Suite,
  scenarios: readonly NamedScenario[],
  { tier, repeat, seed }: Pick<RunArgs, "tier" | "repeat"> & { seed: number },
  sockets: NoSockets,
  signal: AbortSignal,
): Promise<SuiteReport> {
  const store = memoryStore(rounds(scenarios.map(({ name }) => name), repeat, seed));
  /** Hosts that each one wanted, by its place. One may still ask when it has ended. */
  const asked = new Map<number, Set<string>>();
  let running = -1;
  await runSuite({
    // One at a time: what is global is the same for each.
    head: { run_id: "", tier, mode: "replay", seed, concurrency: 1 },
    store,
    scenarios,
    bot: suite.bot,
    provider: null,
    recordingsOf: (name) => keptRecordings(readRecordings(suite.recordingsDir, name)),
    record: false,
    signal,
    progress: ({ taken }) => running = taken.position,
    runScenario(scenario, deps) {
      const hosts = new Set<string>();
      asked.set(running, hosts);
      return sockets.watch(hosts, () => suite.runScenario(scenario, deps));
    },
  });
  const ended = store.ended.map(({ taken: { position, scenario, repeat }, outcome }) => {
    const hosts = [...asked.get(position) ?? []].sort();
    if (hosts.length === 0) return { scenario, repeat, outcome };
    const failures = hosts.map((host) => ({
      turn: 0,
      expectation: "bot",
      message: `It wanted a socket to ${host}, which a dry run does not open.`,
    }));
    return {
      scenario,
      repeat,
      outcome: { ...outcome, state: "failed" as const, failures: [...outcome.failures, ...failures] },
    };
  });
  return reportOfReplay({ tier, repeat }, ended);
}
