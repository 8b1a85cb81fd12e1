import { renderAudit } from "../../../../functions/telegram/render/audit.ts";
import { changes, entries, widest } from "../audit_fixture.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [
  { title: "the first page", reply: renderAudit(entries, true) },
  { title: "admins and groups", reply: renderAudit(changes, false) },
  { title: "hostile, in the middle", reply: renderAudit(widest, true, 7) },
  { title: "nothing yet", reply: renderAudit([], false) },
];
