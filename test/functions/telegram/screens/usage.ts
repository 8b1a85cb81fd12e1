import { renderUsage } from "../../../../functions/telegram/render/usage.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [{ title: "usage", reply: renderUsage() }];
