import { renderAdminChange, renderChatChange } from "../../../../functions/telegram/render/access.ts";
import type { Example } from "./examples.ts";

const changes: [string, Parameters<typeof renderAdminChange>[1]][] = [
  ["made an admin", { was: null, role: "operator" }],
  ["given another role", { was: "operator", role: "viewer" }],
  ["has it already", { was: "owner", role: "owner" }],
  ["taken away", { was: "viewer", role: null }],
  ["was none", { was: null, role: null }],
  ["the only owner", { unchanged: "last_owner" }],
  ["an owner by the secret", { unchanged: "from_secret" }],
];

export const examples: Example[] = [
  ...changes.map(([title, change]) => ({ title, reply: renderAdminChange(1002, change) })),
  ...(["allow", "deny", "not_a_group"] as const).map((change) => ({
    title: `group: ${change}`,
    reply: renderChatChange(change),
  })),
];
