/** Claims of updates, in SQL as the telegram function makes them. */
import type pg from "pg";
import type { Lane, UpdateClaim, UpdateHead } from "../../functions/_shared/db.ts";
import { call } from "./rpc.ts";

/** A press of a button, in the private chat of an owner by the secret, unless told otherwise. */
export const aPress = (update_id: number, over: Partial<UpdateHead> = {}): UpdateHead => ({
  update_id,
  user_id: 1001,
  chat_id: 1001,
  chat_type: "private",
  message_id: 7,
  bootstrap: true,
  allows: false,
  ...over,
});

/** `claimed` with all that comes with it where nothing speaks against it. */
export const CLAIMED = { claim: "claimed", role: "owner", lane: "yours", rich: true };

export function claim(db: pg.Client, head: UpdateHead, refusals: unknown = {}): Promise<UpdateClaim> {
  const args = Object.fromEntries(Object.entries(head).map(([name, value]) => [`p_${name}`, value]));
  return call(db, "service_role", "claim_update", { ...args, p_refusals: JSON.stringify(refusals) });
}

export const takeLane = (db: pg.Client, update_id: number): Promise<Lane> =>
  call(db, "service_role", "take_lane", { p_update_id: update_id });

export async function finish(db: pg.Client, update_id: number, handled = true, richRefused = false): Promise<void> {
  await call(db, "service_role", "finish_update", {
    p_update_id: update_id,
    p_handled: handled,
    p_rich_refused: richRefused,
  });
}

/** How often what was refused, of all days. */
export async function refused(db: pg.Client): Promise<Record<string, number>> {
  const { rows } = await db.query("select reason, sum(count)::int as n from tracegram.admin_refusals group by 1");
  return Object.fromEntries(rows.map(({ reason, n }) => [reason, n]));
}
