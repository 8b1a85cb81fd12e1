import { renderNoScenario } from "../../../../functions/telegram/render/no_scenario.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const many = Array.from({ length: 100 }, (_, i) => HOSTILE[i % HOSTILE.length]!);

export const examples: Example[] = [
  { title: "a name that none has", reply: renderNoScenario(["nosuch"], ["cancel", "refund", "smalltalk"]) },
  { title: "there are none at all", reply: renderNoScenario(["cancel"], []) },
  { title: "20 of hostile names", reply: renderNoScenario(many, many.slice(0, 20)) },
  { title: "100 of hostile names", reply: renderNoScenario(many, many) },
];
