import { renderTests } from "../../../../functions/telegram/render/tests.ts";
import { overview, spend } from "../runs_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const NOW = new Date("2025-01-31T12:03:11.042Z");
const many = Array.from(
  { length: 100 },
  (_, i) => ({ ...overview().scenarios[i % 3]!, name: HOSTILE[i % HOSTILE.length]! }),
);

export const examples: Example[] = [
  { title: "as usual", reply: renderTests(overview(), { page: 0, now: NOW, mayRun: true }) },
  { title: "for a viewer", reply: renderTests(overview(), { page: 0, now: NOW, mayRun: false }) },
  {
    title: "there are none yet",
    reply: renderTests(overview({ scenarios: [], runs: [] }), { page: 0, now: NOW, mayRun: true }),
  },
  {
    title: "many of hostile names, money reserved",
    reply: renderTests(overview({ scenarios: many, spend: { ...spend, reserved_microusd: 12_300 } }), {
      page: 1,
      now: NOW,
      mayRun: true,
    }),
  },
];
