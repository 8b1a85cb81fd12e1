/** An alert that is open, and told to each admin in the local Telegram. */
import type { Client } from "pg";
import { setAlertUrl } from "../../scripts/stack/admin_bot.ts";
import { type AdminStack, lastOf } from "./admin.ts";
import { fillQuota } from "./alerts.ts";

/** The database is nearly full. No rule is evaluated any more. */
export async function openAlert(stack: AdminStack, db: Client, users: readonly number[]): Promise<void> {
  await db.query("select cron.unschedule(jobid) from cron.job where jobname = 'tracegram-alerts'");
  await db.query("begin; select pg_advisory_xact_lock(hashtext('tracegram.alerts')); commit");
  await db.query("update tracegram.alert_rules set enabled = rule = 'quota', opens_after = 1");
  // It may have been evaluated in this minute already.
  await db.query("delete from tracegram.alerts; delete from tracegram.alert_state");
  await fillQuota(db, 90);
  // The bot may write to who has written to it.
  for (const user of users) await stack.person(user).say("/start");
  await setAlertUrl(stack.info);
  // Between two milliseconds, as most times are: what opens then is told then.
  await db.query("select tracegram.watch(date_trunc('milliseconds', now()) + interval '0.6 milliseconds')");
  for (const user of users) {
    const { chat } = stack.person(user);
    await stack.telegram.client.until(chat, (view) => /nearly full/.test(lastOf(view).text ?? ""), 20_000);
  }
}
