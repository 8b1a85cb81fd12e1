import { renderHelp } from "../../../../functions/telegram/render/help.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [{ title: "help", reply: renderHelp() }];
