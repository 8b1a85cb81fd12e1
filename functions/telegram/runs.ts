/**
 * A run of synthetic tests has got on: its message is edited, or sent where there is none.
 *
 * What is posted only says which run. What to show is read from the database, which also knows who is at the message: of
 * several isolates one edits. An edit on the way that Telegram's rate limit refuses is left out, for the next one says more;
 * the last one, the report, is not.
 *
 * @module
 */
import { TelegramError } from "telegraf";
import type { Db, RunMessage } from "../_shared/db.ts";
import type { CallDeps } from "./calls.ts";
import { answer } from "./events.ts";
import { textForm } from "./form.ts";
import { describe } from "./log.ts";
import { isOver, renderRunMessage } from "./render/run_message.ts";
import { replace } from "./send.ts";

/** Of an edit on the way: then the next one is due. */
const PROGRESS_MS = 8000;
/** Of the report. Telegram asks a chat that has too much to wait for up to a minute. */
const REPORT_MS = 100_000;
const MAX_RETRY_AFTER_S = 60;
/** When the report's claim is tried again, in milliseconds: somebody else shows what was before, or has just ended. */
const AGAIN_MS = [1000, 2000, 4000, 8000, 16_000, 30_000];

export interface RunsDeps extends Pick<CallDeps, "api" | "log" | "sleep"> {
  db: Pick<Db, "claimRunMessage" | "finishRunMessage" | "getRun">;
  /** Keeps the function running until `work`, which never rejects, has ended. */
  background: (work: Promise<void>) => void;
}

/** What is told of a run. Its answer says whether that was begun; anything but 2xx is worth another try. */
export function createRuns(deps: RunsDeps): (runId: string) => Promise<Response> {
  const { db, log, sleep, background } = deps;
  /** Until when Telegram wants nothing for a chat, on the clock of `performance.now`. */
  const quiet = new Map<number, number>();

  return async function tell(runId) {
    try {
      const claimed = await db.claimRunMessage(runId);
      background(
        tellOn(runId, claimed).catch((error: unknown) => {
          log({ level: "warn", event: "run_not_told", run_id: runId, ...describe(error) });
        }),
      );
      return answer(202, claimed ? "begun" : "nothing_new");
    } catch (error) {
      log({ level: "warn", event: "run_failed", run_id: runId, ...describe(error) });
      return answer(503, "database_away");
    }
  };

  /** Nobody posts once more that a run is over: so whoever was told stays until its message says so, or never will. */
  async function tellOn(runId: string, first: RunMessage | null): Promise<void> {
    if (first && await show(first)) return;
    for (const ms of AGAIN_MS) {
      const run = await db.getRun(runId);
      if (run === null || !isOver(run.state)) return;
      await sleep(ms);
      const claimed = await db.claimRunMessage(runId);
      if (claimed && await show(claimed)) return;
    }
  }

  /** Resolves to false when it is a report that could be shown later. */
  async function show({ chat_id, message_id, run }: RunMessage): Promise<boolean> {
    const isReport = isOver(run.state);
    const waits = Math.max(0, (quiet.get(chat_id) ?? 0) - performance.now());
    // What it shows by now; if nothing new, it is older than any version there is.
    const shown = { message_id, version: 0 };
    let isDone = !isReport;
    if (isReport && waits > 0) await sleep(waits);
    if (isReport || waits === 0) {
      const deadline = performance.now() + (isReport ? REPORT_MS : PROGRESS_MS);
      const sending = {
        ...deps,
        left: () => deadline - performance.now(),
        maxRetryAfterS: isReport ? MAX_RETRY_AFTER_S : 0,
        rateLimited: (s: number) => void quiet.set(chat_id, performance.now() + s * 1000),
      };
      const screen = renderRunMessage(run);
      const told = { run_id: run.run_id, version: run.version, chars: screen.chars, is_report: isReport };
      try {
        const target = { chat_id, ...(message_id !== null && { message_id }) };
        const { message_id: id, shown: how } = await replace(sending, target, textForm(screen));
        log({ level: "info", event: "run_told", ...told, shown: how });
        Object.assign(shown, { message_id: id, version: run.version });
        isDone = true;
      } catch (error) {
        const code = error instanceof TelegramError ? error.code : 0;
        log({ level: !isReport && code === 429 ? "info" : "warn", event: "run_not_told", ...told, ...describe(error) });
        // Blocked, or not in the group any more: no later try would be taken either.
        isDone ||= code === 400 || code === 403;
      }
    }
    const finish = () => db.finishRunMessage(run.run_id, shown.message_id, shown.version);
    // A message that is not remembered would be sent once more.
    await finish().catch(finish);
    return isDone;
  }
}
