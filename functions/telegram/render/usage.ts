/** What the bot can do, in short: the answer to what it does not understand. */
import type { Why } from "../command.ts";
import { bold, code, type Html, line, lines, literal, message, quoted } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

const WHY: Record<Why | "unknown", (word: Html) => Html> = {
  unknown: (word) => line`I do not know “${word}”.`,
  twice: (word) => line`With “${word}” the same is said twice: which one do you mean?`,
  id: (word) => line`There must be an id at “${word}”: a number, such as 601.`,
  window: (word) => line`There is no window “${word}”, but 1h, 24h, 7d and 30d.`,
};

/** @param unknown The word that was not understood; whoever wrote it may have meant to break the message. */
export function renderUsage(unknown?: string, why: Why | "unknown" = "unknown"): Screen {
  const answer = message(
    unknown === undefined ? bold(line`Tracegram`) : WHY[why](quoted(unknown, 40)),
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
