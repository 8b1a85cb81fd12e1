/** What the bot can do, in short: the answer to what it does not understand. */
import { bold, code, line, lines, literal, message, quoted } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

/** @param unknown The word that was not understood; whoever wrote it may have meant to break the message. */
export function renderUsage(unknown?: string): Screen {
  const answer = message(
    unknown === undefined ? bold(line`Tracegram`) : line`I do not know “${quoted(unknown, 40)}”.`,
    lines(
      line`${code(literal("/admin"))} – how things stand`,
      line`${code(literal("/admin traces error support 24h"))} – runs, filtered`,
      line`${code(literal("/admin trace 0194bc1f"))} – one run, by the start of its id`,
      line`${code(literal("/admin help"))} – everything else`,
    ),
  );
  return screen("usage", answer, [[
    { label: "Traces", action: { screen: "traces" } },
    { label: "Help", action: { screen: "help" } },
    { label: "🏠", action: { screen: "home" } },
  ]]);
}
