import { describe, expect, test } from "vitest";
import { renderAdmins } from "../../../../functions/telegram/render/admins.ts";
import { changesOf, renderDrops, renderSettings } from "../../../../functions/telegram/render/settings.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { admins, settings } from "../access_fixture.ts";
import { shown } from "../traces_fixture.ts";

describe("the settings", () => {
  test("read like this to an owner", () => {
    expect(shown(renderSettings(settings, { mayChange: true, changed: false }))).toBe(
      `Settings

📈 Traces kept 30 d
💬 Requests and responses kept 7 d
🎲 Good runs that have them 100 %
🧪 A run of tests may spend $1
☀️ All tests of a day $3
🗓 All tests of a month $20
⏩ Scenarios at once 2
The plan allows 500 MB
Runs count as lost after 00:15:00

Traces since Wed 1 Jan 2025, requests and responses since Fri 24 Jan 2025
Alerts are posted to x.supabase.co, with a secret
[📈 7 d] [14 d] [• 30 d] [90 d]
[💬 1 d] [3 d] [• 7 d] [14 d] [30 d]
[🎲 0 %] [10 %] [50 %] [• 100 %]
[🧪 $0] [$0.25] [• $1] [$5] [$20]
[☀️ $0] [$1] [• $3] [$10] [$50]
[🗓 $0] [$5] [• $20] [$100] [$500]
[⏩ 1] [• 2] [4] [8] [16]
[🔄 Refresh] [🏠]`,
    );
  });

  test("read like this to others, and in need", () => {
    const full = { ...settings, guard_io_sample_percent: 10, alert_url: null };
    expect(shown(renderSettings(full, { mayChange: false, changed: false }))).toBe(
      `Settings

📈 Traces kept 30 d
💬 Requests and responses kept 7 d
🎲 Good runs that have them 100 %
🧪 A run of tests may spend $1
☀️ All tests of a day $3
🗓 All tests of a month $20
⏩ Scenarios at once 2
The plan allows 500 MB
Runs count as lost after 00:15:00

⚠️ The database is nearly full: requests and responses are stored of only 10 % of the runs, errors among them.

Traces since Wed 1 Jan 2025, requests and responses since Fri 24 Jan 2025
Alerts are posted nowhere: there is no alert_url

Only owners change settings.
[🔄 Refresh] [🏠]`,
    );
  });

  test("requests and responses are offered no longer than traces", () => {
    const screen = renderSettings({ ...settings, trace_days: 7 }, { mayChange: true, changed: true });
    expect(shown(screen)).toContain("\n[💬 1 d] [3 d] [• 7 d]\n");
    expect(shown(screen)).toMatch(/^✅ Settings, changed\n/);
  });

  test("a button changes its setting, and what depends on it", () => {
    const pressed = (label: string, now = settings) => {
      const { action } = renderSettings(now, { mayChange: true, changed: false }).keyboard.flat()
        .find((button) => button.label === label)!;
      return action.screen === "settings" && changesOf(action.set!, now);
    };
    expect(pressed("90 d")).toEqual({ trace_days: 90 });
    expect(pressed("📈 7 d", { ...settings, io_days: 14 })).toEqual({ trace_days: 7, io_days: 7 });
    expect(pressed("3 d")).toEqual({ io_days: 3 });
    expect(pressed("🎲 0 %")).toEqual({ io_sample_percent: 0 });
    expect(pressed("$0.25")).toEqual({ synthetic_run_cap_microusd: 250_000 });
    expect(pressed("☀️ $0")).toEqual({ synthetic_day_cap_microusd: 0 });
    expect(pressed("$500")).toEqual({ synthetic_month_cap_microusd: 500_000_000 });
    expect(pressed("16")).toEqual({ synthetic_concurrency: 16 });
    expect(changesOf({ setting: 99, choice: 0 }, settings)).toBeNull();
    expect(changesOf({ setting: 0, choice: 99 }, settings)).toBeNull();
  });

  test("what would delete data is asked like this", () => {
    const picked = { setting: 0, choice: 0 };
    const screen = renderDrops(picked, { trace_days: 7 }, { trace_days: 23, io_days: 1, bytes: 123_400_000 });
    expect(shown(screen)).toBe(
      `That deletes data. Sure?

Traces kept 7 d

It drops 23 days of traces and 1 day of requests and responses, about 123 MB. They do not come back.
[🗑 Yes, drop them] [No]
[🏠]`,
    );
    expect(screen.keyboard[0]![0]!.action).toEqual({ screen: "settings", set: { ...picked, sure: 24 } });
  });
});

describe("the admins", () => {
  test("read like this", () => {
    const screen = renderAdmins(admins);
    expect(shown(screen)).toBe(
      `Admins
1001 · owner · by TELEGRAM_ADMIN_IDS
1002 · viewer · since 2 Jan 2025

Groups
-1001 · since 3 Jan 2025

Refused in 7 days
1,234 from strangers
1 with a wrong secret

/admin add <user id> viewer|operator|owner
/admin remove <user id>
/admin allow or /admin deny in a group
[🔄 Refresh] [📜 Audit] [🏠]`,
    );
  });

  test("many of them fit", () => {
    const many = Array.from({ length: 200 }, (_, i) => i + 1);
    const added_at = "2025-01-01T00:00:00.000Z";
    const screen = renderAdmins({
      admins: many.map((i) => ({ user_id: 1e15 + i, role: "operator", from_secret: true, added_by: 1, added_at })),
      chats: many.map((i) => ({ chat_id: -1e15 - i, added_by: 1, added_at })),
      refusals: {},
    });
    expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
    expect(shown(screen)).toContain("… and 175 more");
    expect(shown(screen)).toContain("/admin add");
  });
});
