import { renderRefusal } from "../../../../functions/telegram/render/refusal.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = (["viewer", "operator", "owner"] as const).map((needs) => ({
  title: `for want of the role ${needs}`,
  reply: renderRefusal(needs),
}));
