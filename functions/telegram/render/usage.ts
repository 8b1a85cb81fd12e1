/** What the bot can do. */
import { bold, code, line, lines, message } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

export function renderUsage(): Screen {
  const text = message(
    bold(line`Tracegram`),
    lines(line`${code(line`/admin traces`)} · what your bot's pipelines did, newest first`),
  );
  return screen("usage", text, [[{ label: "Traces", action: { screen: "traces" } }]]);
}
