import type { TraceStatus, TraceSummary } from "../../_shared/db.ts";
import { type Html, text } from "./html.ts";
import { money, tokens } from "./units.ts";

export const STATUS_ICON: Record<TraceStatus, string> = { ok: "✅", error: "❌", running: "⏳", lost: "❓" };

/** `1,801 tok` and `$0.0021`, `$?` when it is not known; each null when there is nothing to say. */
export function usage(trace: TraceSummary): [tokens: Html | null, cost: Html | null] {
  const spent = tokens(trace.input_tokens, trace.output_tokens);
  const cost = money(trace.cost_microusd, trace.cost_complete);
  return [spent === null ? null : text(spent), cost === null ? null : text(trace.cost_microusd === null ? "$?" : cost)];
}
