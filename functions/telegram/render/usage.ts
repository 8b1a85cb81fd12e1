/** What the bot can do. */
import { bold, code, line, lines, message, quoted } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

/** @param unknown What was not understood. */
export function renderUsage(unknown?: string): Screen {
  const words = message(
    ...(unknown === undefined ? [] : [line`Not understood: ${quoted(unknown)}`]),
    bold(line`Tracegram`),
    lines(line`${code(line`/admin traces`)} · what your bot's pipelines did, newest first`),
  );
  return screen("usage", words, [[{ label: "Traces", action: { screen: "traces" } }]]);
}
