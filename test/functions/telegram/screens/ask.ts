import { renderAsk, renderNotAsked } from "../../../../functions/telegram/render/ask.ts";
import { renderBegan, renderNotConfirmed } from "../../../../functions/telegram/render/confirm.ts";
import { ask, RUN, spend } from "../runs_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const began = (ceiling_microusd: number) => ({ run_id: RUN, token: "t", ceiling_microusd, runner_url: null });
const many = Array.from({ length: 100 }, (_, i) => ({
  name: HOSTILE[i % HOSTILE.length]!,
  estimate: i % 3 === 0 ? null : { expected_microusd: i * 1000, worst_microusd: i * 2000, from: "prices" as const },
}));

export const examples: Example[] = [
  { title: "all is known", reply: renderAsk(ask()) },
  {
    title: "one is not",
    reply: renderAsk(ask({ scenarios: [...ask().scenarios, { name: "new", estimate: null }], unknown: 1 })),
  },
  { title: "more than is left", reply: renderAsk(ask({ left_microusd: 10_000 })) },
  {
    title: "100 of hostile names",
    reply: renderAsk(ask({ scenarios: many, unknown: 34, repeat: 3, tier: "release" })),
  },
  { title: "a run is going on", reply: renderNotAsked({ no: "running", run_id: RUN }) },
  { title: "no such scenarios", reply: renderNotAsked({ no: "none", spend }) },
  { title: "a cap is reached", reply: renderNotAsked({ no: "cap", spend: { ...spend, today_microusd: 3_000_000 } }) },
  { title: "confirmed", reply: renderBegan(began(34_512), true) },
  { title: "confirmed, the function does not answer", reply: renderBegan(began(34_512), false) },
  { title: "a dry run begins", reply: renderBegan(began(0), true) },
  {
    title: "room for calls under way, more than is left",
    reply: renderAsk(ask({ worst_microusd: 36_512, left_microusd: 1450 })),
  },
  ...(["expired", "used", "not_yours", "over_cap", "no_ceiling", "gone"] as const).map((no) => ({
    title: `not confirmed: ${no}`,
    reply: renderNotConfirmed(no, RUN),
  })),
];
