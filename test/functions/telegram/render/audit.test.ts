import { expect, test } from "vitest";
import { renderAudit } from "../../../../functions/telegram/render/audit.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { entries, widest } from "../audit_fixture.ts";
import { shown } from "../traces_fixture.ts";

test("what was done reads like this", () => {
  expect(shown(renderAudit(entries, true))).toBe(
    `Audit, newest first

31 Jan 12:09 · 1001 · owner
     changed settings
     trace_days 30 → 14

31 Jan 12:08 · 1001 · owner
     changed a rule
     rule p95, threshold 30000 → 8000

31 Jan 12:07 · 1002 · operator
     read a prompt
     page 0, side request, step 3, trace_id 019525be-1f07-7ac0-8000-000000000001

31 Jan 12:06 · 1003 · viewer
     ⛔️ refused: io
     step 3

31 Jan 12:05 · 1003 · viewer
     took a file
     of traces, format csv

31 Jan 12:04 · 1004 · no admin
     ⛔️ refused: changed an admin
     user_id 1004, role owner

31 Jan 12:03 · 1002 · operator
     muted a rule for 1 h
     rule quota, alert_id 7
[Older ➡️]
[🔄 Refresh] [Admins] [🏠]`,
  );
});

test("the last page, and nothing at all", () => {
  expect(shown(renderAudit([], false, 7))).toBe(
    "Audit, newest first\n\nThere is nothing before.\n[⬅️ Newest]\n[🔄 Refresh] [Admins] [🏠]",
  );
  expect(shown(renderAudit([], false))).toBe(
    "Audit, newest first\n\nThere is nothing yet.\n[🔄 Refresh] [Admins] [🏠]",
  );
});

test("a page of the widest fits whole", () => {
  const screen = renderAudit(widest, true, 1e15);
  expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
  expect(shown(screen).match(/refused/g)).toHaveLength(12);
});
