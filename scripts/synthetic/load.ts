/** The scenarios of this repository. */
import { join } from "node:path";
import { SYNTHETIC } from "../scenario/folder.ts";
import { refreshIndex } from "../scenario/index_file.ts";
import type { Suite } from "./suite.ts";

/** As they are in their files now. @throws {Invalid} */
export async function load(): Promise<Suite> {
  await refreshIndex();
  const { default: bot } = await import("../../functions/synthetic/bot.ts");
  const { SCENARIOS } = await import("../../functions/synthetic/scenarios/all.ts");
  return { scenarios: SCENARIOS, bot, recordingsDir: join(SYNTHETIC, "recordings"), recorded: () => refreshIndex() };
}
