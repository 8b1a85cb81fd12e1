import { renderTests } from "../../../../functions/telegram/render/tests.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [{ title: "there are none yet", reply: renderTests() }];
