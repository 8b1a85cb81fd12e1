import { expect, test } from "vitest";
import { renderAudit } from "../../../../functions/telegram/render/audit.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { changes, entries, widest } from "../audit_fixture.ts";
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
     ⛔️ was refused reading a prompt
     step 3

31 Jan 12:05 · 1003 · viewer
     took a file
     of traces, format csv

31 Jan 12:04 · 1003 · viewer
     took a file
     of traces, filter (hours 24, status error), format jsonl

31 Jan 12:03 · 1004 · no admin
     ⛔️ was refused making 1004 owner

31 Jan 12:02 · 1002 · operator
     muted a rule for 1 h
     rule quota, alert_id 7
[Older ➡️]
[🔄 Refresh] [Admins] [🏠]`,
  );
});

test("what became of whom, and of which group", () => {
  const said = shown(renderAudit(changes, false)).split("\n").filter((line) => line.startsWith("     "));
  expect(said.map((line) => line.trim())).toEqual([
    "removed 5555 (was owner)",
    "removed 5555 (was no admin)",
    "made 42 operator (was viewer)",
    "made 42 viewer (was no admin)",
    "made 42 viewer (was that already)",
    "left 1001 an owner: the secret names them",
    "left 1001 an owner: there is no other",
    "⛔️ was refused removing 5555",
    "started answering in group -100",
    "stopped answering in group -100",
    "stopped answering in group -100 (as before)",
    "⛔️ was refused to start answering in group -100",
  ]);
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
