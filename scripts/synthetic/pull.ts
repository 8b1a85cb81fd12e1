/** `--pull`: what a run's calls were answered, as files. */
import type { SyntheticDb } from "../../functions/_shared/synthetic_db.ts";
import type { Recorded } from "../../functions/synthetic/llm/ports.ts";
import { writeRecordings } from "./suite.ts";

/** Resolves to how many calls there are, and the files that are others now. */
export async function pull(
  db: Pick<SyntheticDb, "runRecordings">,
  runId: string,
  recordingsDir: string,
): Promise<{ calls: number; files: string[] }> {
  const byScenario = new Map<string, Recorded[]>();
  let calls = 0;
  for (let after = 0, more = true; more;) {
    const page = await db.runRecordings(runId, after);
    for (const { call_id, scenario, recorded } of page.recordings) {
      byScenario.set(scenario, [...byScenario.get(scenario) ?? [], recorded]);
      after = call_id;
      calls++;
    }
    more = page.more && page.recordings.length > 0;
  }
  const files = [...byScenario].flatMap(([scenario, added]) => writeRecordings(recordingsDir, scenario, added) ?? []);
  return { calls, files };
}
