/** What admins did that reads prompts, spends money or changes something, and what they were refused. */
import type { AuditEntry } from "../../_shared/db.ts";
import { bold, code, dotted, type Html, line, lines, literal, message, quoted, text } from "./html.ts";
import { type Screen, screen } from "./screen.ts";
import { dayTime } from "./units.ts";

const DONE: Readonly<Record<string, string>> = {
  read_io: "read a prompt",
  export: "took a file",
  alert_acknowledge: "acknowledged an alert",
  alert_mute_1h: "muted a rule for 1 h",
  alert_mute_24h: "muted a rule for 24 h",
  alert_unmute: "unmuted a rule",
  change_settings: "changed settings",
  ask_change_settings: "asked what a change of settings drops",
  change_rule: "changed a rule",
  set_admin: "changed an admin",
  allow_chat: "changed a group",
};

/** @param before The last entry of the page before; its page is not known any more. */
export function renderAudit(entries: readonly AuditEntry[], hasOlder: boolean, before?: number): Screen {
  const none = before === undefined ? line`There is nothing yet.` : line`There is nothing before.`;
  return screen("audit", message(bold(line`Audit, newest first`), ...entries.length ? entries.map(row) : [none]), [
    [
      ...(before === undefined ? [] : [{ label: "⬅️ Newest", action: { screen: "audit" } } as const]),
      ...(hasOlder
        ? [{ label: "Older ➡️", action: { screen: "audit", before: entries.at(-1)!.audit_id } } as const]
        : []),
    ],
    [
      { label: "🔄 Refresh", action: { screen: "audit", ...(before !== undefined && { before }) } },
      { label: "Admins", action: { screen: "admins" } },
      { label: "🏠", action: { screen: "home" } },
    ],
  ]);
}

function row({ at, user_id, role, action, detail, allowed }: AuditEntry): Html {
  const done = Object.hasOwn(DONE, action) ? literal(DONE[action]!) : quoted(action, 30);
  const facts = factsOf(detail);
  return lines(
    line`${text(dayTime(at))} · ${dotted(code(text(user_id)), role === null ? line`no admin` : text(role))}`,
    allowed ? line`     ${done}` : line`     ⛔️ refused: ${done}`,
    ...(facts === "" ? [] : [line`     ${quoted(facts, 90)}`]),
  );
}

/** `rule p95, threshold 30000 → 8000`. What has no value is left out. */
function factsOf(detail: unknown): string {
  const { before, after, ...rest } = (detail ?? {}) as Record<string, unknown>;
  const was = (before ?? {}) as Record<string, unknown>;
  const changes = Object.entries((after ?? {}) as object).map(([key, value]) =>
    [key, ...(key in was ? [said(was[key]), "→"] : []), said(value)].join(" ")
  );
  const facts = Object.entries(rest).filter(([, value]) => value !== null).map(([key, value]) =>
    `${key} ${said(value)}`
  );
  return [...facts, ...changes].join(", ");
}

const said = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value);
