import { expect, test } from "vitest";
import type { Overview } from "../../../../functions/_shared/db.ts";
import { verdict } from "../../../../functions/telegram/render/verdict.ts";
import { before, NOW, overview, runs } from "../screens_fixture.ts";

const nothing = runs({ count: 0, errors: 0, error_rate: null });
const storage = { ...overview().storage, quota_share: 0.83 };

test.each<[string, Partial<Overview>, string, string[]]>([
  ["all is well", {}, "🟢 Healthy", []],
  ["an alert is open", { alerts: { open: 1, newest: [] } }, "🔴 1 alert open", []],
  ["alerts are open, and more", { alerts: { open: 2, newest: [] }, lost: 2 }, "🔴 2 alerts open", ["2 runs lost"]],
  ["many runs fail", { window: runs({ error_rate: 0.12 }) }, "🟠 12 % of the runs fail", []],
  ["few runs fail", { window: runs({ error_rate: 0.049 }) }, "🟢 Healthy", []],
  ["two things are not well", { dropped: 1, storage }, "🟠 Senders dropped 1 record", ["The database is 83 % full"]],
  ["the bot is silent", { last_batch_at: "2025-01-31T09:00:00Z" }, "🟠 Nothing has come in: last batch 3 h ago", []],
  [
    "a bot of weekdays",
    {
      last_batch_at: "2025-01-25T09:00:00Z",
      window: nothing,
      before: before({ count: 0 }),
    },
    "⚪ Nothing ran in 24 h",
    [],
  ],
])("%s", (_, change, words, worries) => {
  const said = verdict(overview(change), NOW);
  expect(`${said.icon} ${said.words}`).toBe(words);
  expect(said.also).toEqual(worries);
});
