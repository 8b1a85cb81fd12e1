/** The row of buttons that choose how far a screen looks back. */
import type { Hours } from "../../_shared/db.ts";
import type { Button } from "./screen.ts";

const WINDOWS: readonly [string, Hours][] = [["1 h", 1], ["24 h", 24], ["7 d", 168], ["30 d", 720]];

export const windowButtons = (screen: "errors" | "stats", chosen: Hours): Button[] =>
  WINDOWS.map(([label, hours]) => ({
    label: hours === chosen ? `• ${label}` : label,
    action: { screen, hours },
  }));
