import { renderUsage } from "../../../../functions/telegram/render/usage.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [
  { title: "of nothing", reply: renderUsage() },
  { title: "of a word that is not known", reply: renderUsage("tarces") },
  { title: "of what is said twice", reply: renderUsage("lost", "twice") },
  { title: "of what is no id", reply: renderUsage("abc", "id") },
  { title: "of a window that there is not", reply: renderUsage("2h", "window") },
  { title: "of a hostile word", reply: renderUsage("</code><b>\u202E" + "x".repeat(300)) },
];
