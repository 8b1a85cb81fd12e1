/** A trace that was looked for: several that it could be, or none. */
import type { FoundTrace, TraceSummary } from "../../_shared/db.ts";
import { bold, code, dotted, type Html, line, lines, literal, message, name, quoted, text } from "./html.ts";
import { type Screen, screen } from "./screen.ts";
import { STATUS_ICON } from "./status.ts";
import { dayTime, duration } from "./units.ts";

const WAYS_OUT = [
  { label: "Traces", action: { screen: "traces" } },
  { label: "🏠", action: { screen: "home" } },
] as const;

export function renderCandidates(prefix: string, found: Extract<FoundTrace, { more: boolean }>): Screen {
  const { candidates, more } = found;
  const answer = message(
    line`${bold(literal(`${more ? "More than " : ""}${candidates.length} traces`))} begin with ${quoted(prefix, 36)}`,
    lines(...candidates.map((trace, i) => row(trace, i + 1))),
    ...(more ? [literal("These are the newest. A few more characters tell them apart.")] : []),
  );
  const buttons = candidates.map((trace, i) => ({
    label: String(i + 1),
    action: { screen: "trace", trace_id: trace.trace_id, back: { to: "home" } } as const,
  }));
  return screen("find", answer, [buttons, [...WAYS_OUT]]);
}

function row(trace: TraceSummary, number: number): Html {
  const took = trace.duration_ms === null ? trace.status : duration(trace.duration_ms);
  return lines(
    line`${text(number)} ${literal(STATUS_ICON[trace.status])} ${
      dotted(name(trace.pipeline, 20), literal(took), literal(dayTime(trace.started_at)))
    }`,
    code(text(trace.trace_id)),
  );
}

export function renderNotFound(prefix: string): Screen {
  const usable = /^[0-9a-f]{4,32}$/i.test(prefix.replaceAll("-", ""));
  const why = usable
    ? lines(literal("It may have been dropped with its day, or not have come in yet."))
    : literal("An id has digits and the letters a to f; write at least its first four.");
  return screen("find", message(line`No trace begins with ${quoted(prefix, 36)}.`, why), [[...WAYS_OUT]]);
}

/** No run is known to have sent the message that was replied to. */
export function renderNoOrigin(): Screen {
  const answer = message(
    bold(literal("No run is known to have sent this message.")),
    lines(
      literal("It may be older than what is kept, or not be a run's:"),
      literal("none that is kept ran in its chat when it was sent."),
    ),
  );
  return screen("origin", answer, [[...WAYS_OUT]]);
}
