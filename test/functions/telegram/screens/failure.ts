import { renderFailure } from "../../../../functions/telegram/render/failure.ts";
import type { Example } from "./examples.ts";

const failures: [string, string | null, number | null][] = [
  ["a mistake of the bot's own", null, null],
  ["no answer", "", 503],
  ["a function is missing", "PGRST202", 404],
  ["a key that is refused", "42501", 403],
  ["any other error", "XX000", 500],
];

export const examples: Example[] = failures.map(([title, code, status]) => ({
  title,
  reply: renderFailure({ code, status }, { screen: "traces" }),
}));
