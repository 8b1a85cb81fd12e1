/** Synthetic tests, of which this version has none. */
import { bold, line, lines } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

export function renderTests(): Screen {
  const words = lines(
    bold(line`Synthetic tests`),
    line`This version of Tracegram has none yet: nothing is run, and nothing is paid for.`,
  );
  return screen("tests", words, [[{ label: "🏠", action: { screen: "home" } }]]);
}
