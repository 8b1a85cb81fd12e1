import { renderRule, renderUnknownRule } from "../../../../functions/telegram/render/rule.ts";
import { rule } from "../alerts_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const p95 = rule("p95", { summary: "Runs are slow", unit: "ms", threshold: 30_000, value: 2413, detail: null });

export const examples: Example[] = [
  { title: "as it stands", reply: renderRule(rule("error_rate"), { mayChange: true, changed: false }) },
  { title: "changed", reply: renderRule(p95, { mayChange: true, changed: true }) },
  { title: "a limit that makes no sense", reply: renderRule(p95, { mayChange: true, changed: "refused" }) },
  { title: "to who may not change it", reply: renderRule(p95, { mayChange: false, changed: false }) },
  {
    title: "switched off",
    reply: renderRule({ ...p95, enabled: false, value: null }, { mayChange: true, changed: true }),
  },
  {
    title: "not measured",
    reply: renderRule(rule("plan", { value: null, error: "statement timeout" }), { mayChange: true, changed: false }),
  },
  {
    title: "hostile names",
    reply: renderRule(rule("error_rate", { detail: HOSTILE.join(" ") }), { mayChange: true, changed: false }),
  },
  { title: "no such rule", reply: renderUnknownRule("<b>nonsense", [rule("error_rate"), rule("p95"), rule("quota")]) },
];
