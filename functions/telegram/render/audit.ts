/** What admins did that reads prompts, spends money or changes something, and what they were refused. */
import type { AuditEntry } from "../../_shared/db.ts";
import { bold, code, dotted, type Html, line, lines, literal, message, quoted, text } from "./html.ts";
import { type Screen, screen } from "./screen.ts";
import { dayTime } from "./units.ts";

/** What was done, and what was refused. Named as in SQL, or as screens are. */
const WORDS: Readonly<Record<string, readonly [done: string, refused: string]>> = {
  read_io: ["read a prompt", "reading a prompt"],
  export: ["took a file", "taking a file"],
  alert_acknowledge: ["acknowledged an alert", "acknowledging an alert"],
  alert_mute_1h: ["muted a rule for 1 h", "muting a rule for 1 h"],
  alert_mute_24h: ["muted a rule for 24 h", "muting a rule for 24 h"],
  alert_unmute: ["unmuted a rule", "unmuting a rule"],
  change_settings: ["changed settings", "changing settings"],
  ask_change_settings: ["asked what a change of settings drops", "changing settings"],
  change_rule: ["changed a rule", "changing a rule"],
  set_admin: ["changed an admin", "changing an admin"],
  allow_chat: ["changed a group", "changing a group"],
  run_tests: ["ran or stopped synthetic tests", "running or stopping synthetic tests"],
  admins: ["looked at the admins", "a look at the admins"],
  audit: ["read the audit", "reading the audit"],
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
  const facts = (detail ?? {}) as Facts;
  const told = sentence(action, facts, allowed);
  const rest = told ? "" : factsOf(facts);
  const words = Object.hasOwn(WORDS, action) ? literal(WORDS[action]![allowed ? 0 : 1]) : quoted(action, 30);
  return lines(
    line`${text(dayTime(at))} · ${dotted(code(text(user_id)), role === null ? line`no admin` : text(role))}`,
    allowed ? line`     ${told ?? words}` : line`     ⛔️ was refused ${told ?? words}`,
    ...(rest === "" ? [] : [line`     ${quoted(rest, 90)}`]),
  );
}

type Facts = Readonly<Record<string, unknown>>;

/** Who was given what, and what was before; null of what is told by its facts. */
function sentence(action: string, facts: Facts, allowed: boolean): Html | null {
  const { was, role, unchanged } = facts;
  if (action === "set_admin") {
    const user = code(quoted(said(facts["user_id"]), 20));
    if (!allowed) return role === null ? line`removing ${user}` : line`making ${user} ${quoted(said(role), 10)}`;
    if (unchanged === "from_secret") return line`left ${user} an owner: the secret names them`;
    if (unchanged === "last_owner") return line`left ${user} an owner: there is no other`;
    const before = was === null ? line`no admin` : quoted(said(was), 10);
    if (role === null) return line`removed ${user} (was ${before})`;
    return line`made ${user} ${quoted(said(role), 10)} (was ${was === role ? line`that already` : before})`;
  }
  if (action === "allow_chat") {
    const on = facts["allowed"] === true;
    const group = line`answering in group ${code(quoted(said(facts["chat_id"]), 20))}`;
    if (!allowed) return on ? line`to start ${group}` : line`to stop ${group}`;
    const already = was === on ? line` (as before)` : line``;
    return on ? line`started ${group}${already}` : line`stopped ${group}${already}`;
  }
  return null;
}

/** `rule p95, threshold 30000 → 8000`. What has no value is left out. */
function factsOf({ before, after, ...rest }: Facts): string {
  const was = (before ?? {}) as Facts;
  const changes = Object.entries((after ?? {}) as object).map(([key, value]) =>
    [key, ...(key in was ? [said(was[key]), "→"] : []), said(value)].join(" ")
  );
  return [...pairs(rest), ...changes].join(", ");
}

const pairs = (facts: object): string[] =>
  Object.entries(facts).filter(([, value]) => value !== null).map(([key, value]) => `${key} ${said(value)}`);

function said(value: unknown): string {
  if (typeof value === "string") return value;
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? `(${pairs(value).join(", ")})` : String(JSON.stringify(value));
}
