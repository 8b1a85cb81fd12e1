import { renderAdmins } from "../../../../functions/telegram/render/admins.ts";
import { admins } from "../access_fixture.ts";
import type { Example } from "./examples.ts";

const [, added] = admins.admins;

export const examples: Example[] = [
  { title: "two, and a group", reply: renderAdmins(admins) },
  {
    title: "two hundred of each",
    reply: renderAdmins({
      admins: Array.from({ length: 200 }, (_, i) => ({ ...added!, user_id: 1e15 + i, role: "operator" as const })),
      chats: Array.from({ length: 200 }, (_, i) => ({ ...admins.chats[0]!, chat_id: -1e15 - i })),
      refusals: { stranger: 1, group: 2, wrong_secret: 3, not_an_update: 4, forged_data: 5, forbidden: 6 },
    }),
  },
  { title: "those of the secret only", reply: renderAdmins({ admins: [], chats: [], refusals: {} }) },
];
