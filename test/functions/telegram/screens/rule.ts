import { renderRule, renderUnknownRule } from "../../../../functions/telegram/render/rule.ts";
import { rule } from "../alerts_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const p95 = rule("p95", { summary: "Runs are slow", unit: "ms", threshold: 30_000, value: 2413, detail: null });

export const examples: Example[] = [
  { title: "as it stands", reply: renderRule(rule("error_rate"), false) },
  { title: "changed", reply: renderRule(p95, true) },
  { title: "switched off", reply: renderRule({ ...p95, enabled: false, value: null }, true) },
  { title: "not measured", reply: renderRule(rule("plan", { value: null, error: "statement timeout" }), false) },
  { title: "hostile names", reply: renderRule(rule("error_rate", { detail: HOSTILE.join(" ") }), false) },
  { title: "no such rule", reply: renderUnknownRule("<b>nonsense", [rule("error_rate"), rule("p95"), rule("quota")]) },
];
