import { renderUsage } from "../../../../functions/telegram/render/usage.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [
  { title: "of nothing", reply: renderUsage() },
  { title: "of a word that is not known", reply: renderUsage("tarces") },
  { title: "of a hostile word", reply: renderUsage("</code><b>\u202E" + "x".repeat(300)) },
];
