/**
 * The lane of a chat: who holds it may edit. It is kept in the database, so that it holds for every isolate
 * (sql/60_updates.sql).
 *
 * @module
 */
import type { Db, Lane } from "../_shared/db.ts";

/** Who has just pressed is likely to press again. Longer than it takes a hurried finger, shorter than anybody minds. */
const SETTLE_MS = 250;
const POLL_MS = 100;
/** Then Telegram delivers the update again. */
const MAX_WAIT_MS = 8000;

/**
 * Gives the lane back before a file is sent, which edits nothing. Several that are asked for in a row are the first and the
 * last.
 *
 * @returns False when nothing is to be sent. @throws {RpcError}
 */
export async function leaveLane(
  { db, sleep }: { db: Pick<Db, "releaseLane">; sleep: (ms: number) => Promise<void> },
  updateId: number,
): Promise<boolean> {
  for (;;) {
    const lane = await db.releaseLane(updateId);
    // It ends, for a file is old after a second.
    if (lane !== "wait") return lane === "yours";
    await sleep(SETTLE_MS);
  }
}

/** Somebody else has edited in the chat for too long to wait for. */
export class LaneBusy extends Error {
  override readonly name = "LaneBusy";
}

/**
 * Waits until the lane is ours.
 *
 * @param first What the claim said.
 * @param isNewest False once this isolate has a newer press of the same message: then nobody needs to be asked.
 * @returns False when a newer press will be shown instead.
 * @throws {LaneBusy} after 8 s. @throws {RpcError}
 */
export async function holdLane(
  deps: { db: Pick<Db, "takeLane">; sleep: (ms: number) => Promise<void> },
  updateId: number,
  first: Lane,
  isNewest: () => boolean,
): Promise<boolean> {
  let lane = first;
  for (let waited = 0; lane === "wait";) {
    if (waited >= MAX_WAIT_MS) throw new LaneBusy(`the chat's lane was not free within ${MAX_WAIT_MS} ms`);
    const ms = waited === 0 ? SETTLE_MS : POLL_MS;
    await deps.sleep(ms);
    waited += ms;
    lane = isNewest() ? await deps.db.takeLane(updateId) : "superseded";
  }
  return lane === "yours";
}
