/** The scenarios of this repository. */
import { join } from "node:path";
import { runScenario } from "../../functions/synthetic/runner/run_scenario.ts";
import { timeoutOf } from "../../functions/synthetic/runner/stage.ts";
import { SYNTHETIC } from "../scenario/folder.ts";
import { refreshIndex } from "../scenario/index_file.ts";
import { openHangWatch } from "./hang.ts";
import type { Suite } from "./suite.ts";

/** As they are in their files now. @throws {Invalid} */
export async function load(): Promise<Suite> {
  await refreshIndex();
  const { default: bot } = await import("../../functions/synthetic/bot.ts");
  const { SCENARIOS } = await import("../../functions/synthetic/scenarios/all.ts");
  const watch = openHangWatch();
  return {
    scenarios: SCENARIOS,
    bot,
    recordingsDir: join(SYNTHETIC, "recordings"),
    recorded: () => refreshIndex(),
    runScenario: (scenario, ...rest) => watch(scenario.name, timeoutOf(scenario), () => runScenario(scenario, ...rest)),
  };
}
