/** The scenarios of this repository. */
import { fileURLToPath } from "node:url";
import type { Suite } from "./suite.ts";

export const RECORDINGS_DIR = fileURLToPath(new URL("../../functions/synthetic/recordings", import.meta.url));

export async function load(): Promise<Suite> {
  const { default: bot } = await import("../../functions/synthetic/bot.ts");
  const { SCENARIOS } = await import("../../functions/synthetic/scenarios/all.ts");
  return { scenarios: SCENARIOS, bot, recordingsDir: RECORDINGS_DIR };
}
