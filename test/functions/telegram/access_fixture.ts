/** Settings and admins as the database returns them, for the renderers' tests. */
import type { Admins, Settings } from "../../../functions/_shared/db.ts";

export const settings: Settings = {
  trace_days: 30,
  io_days: 7,
  io_sample_percent: 100,
  guard_io_sample_percent: null,
  quota_bytes: 500_000_000,
  lost_after: "00:15:00",
  traces_from: "2025-01-01T00:00:00.000Z",
  io_from: "2025-01-24T00:00:00.000Z",
  alert_url: "https://x.supabase.co/functions/v1/telegram",
  alert_secret_set: true,
  synthetic_run_cap_microusd: 1_000_000,
  synthetic_day_cap_microusd: 3_000_000,
  synthetic_month_cap_microusd: 20_000_000,
  synthetic_concurrency: 2,
};

export const admins: Admins = {
  admins: [
    { user_id: 1001, role: "owner", from_secret: true, added_by: null, added_at: "2025-01-01T00:00:00.000Z" },
    { user_id: 1002, role: "viewer", from_secret: false, added_by: 1001, added_at: "2025-01-02T00:00:00.000Z" },
  ],
  chats: [{ chat_id: -1001, added_by: 1001, added_at: "2025-01-03T00:00:00.000Z" }],
  refusals: { stranger: 1234, wrong_secret: 1 },
};
