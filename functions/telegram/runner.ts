/**
 * Telling the synthetic function that there is a run to work on.
 *
 * @module
 */
import { describe, type Log } from "./log.ts";

/** It answers at once, and works after that. */
const TIMEOUT_MS = 3000;

export interface Runner {
  /** Address of the function. */
  url: string;
  /** Never throws. Resolves to false when it was not reached: then the database pokes it, within a minute. */
  begin(run: { run_id: string; token: string; runner_url: string }): Promise<boolean>;
}

export function createRunner({ supabaseUrl, log }: { supabaseUrl: string; log: Log }): Runner {
  return {
    url: `${supabaseUrl}/functions/v1/synthetic`,
    async begin({ run_id, token, runner_url }) {
      try {
        const response = await fetch(runner_url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ run_id, token }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        await response.body?.cancel();
        if (!response.ok) log({ level: "warn", event: "runner_refused", run_id, status: response.status });
        return response.ok;
      } catch (error) {
        log({ level: "warn", event: "runner_not_reached", run_id, ...describe(error) });
        return false;
      }
    },
  };
}
