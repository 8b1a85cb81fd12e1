/** Failed runs by kind of error, the most frequent first. */
import type { ErrorGroup, ErrorGroups, Hours } from "../../_shared/db.ts";
import type { Action } from "../callback.ts";
import { change, percent } from "./change.ts";
import { bold, dotted, type Html, line, lines, literal, message, name, quoted, text } from "./html.ts";
import { numberRows, type Screen, screen } from "./screen.ts";
import { count, dayTime, lastHours, minute } from "./units.ts";
import { windowButtons } from "./windows.ts";

const KIND_COLUMNS = 34;

export function renderErrors(view: ErrorGroups, hours: Hours): Screen {
  const { errors, errors_before, count: runs, kinds, groups } = view;
  const title = dotted(bold(literal("Errors")), literal(lastHours(hours)), literal(count(errors)));
  const against = change(errors, errors_before);
  const answer = message(
    title,
    groups.length === 0
      ? literal(
        (runs === 0 ? "Nothing ran." : `None of ${count(runs)} runs failed.`) +
          (errors_before === 0 ? "" : ` ${count(errors_before)} failed in the window before.`),
      )
      : lines(
        literal(`${percent(errors / Math.max(runs, errors))} of ${count(Math.max(runs, errors))} runs`),
        ...(against === null ? [] : [literal(againstBefore(against))]),
      ),
    ...(groups.length === 0 ? [] : [lines(...groups.map((group, i) => row(group, i + 1, hours)))]),
    ...(kinds > groups.length
      ? [
        literal(`and ${count(kinds - groups.length)} more ${kinds - groups.length === 1 ? "kind" : "kinds"}`),
      ]
      : []),
    ...(groups.length === 0 ? [] : [line`🆕 new · ▲ more · ▼ fewer than before`]),
  );
  return screen("errors", answer, [...numberRows(groups.map(toExample)), windowButtons("errors", hours), [
    { label: "All errors", action: { screen: "traces", change: { status: "error" } } },
    { label: "🔄 Refresh", action: { screen: "errors", hours } },
    { label: "🏠", action: { screen: "home" } },
  ]]);
}

function againstBefore(change: string): string {
  if (change === "none before") return "none in the window before";
  return change === "as before" ? "as in the window before" : `${change} against the window before`;
}

function row(group: ErrorGroup, number: number, hours: Hours): Html {
  const { pipeline, step, kind, before } = group;
  const newest = timeOf(group.example);
  const where = step === "" ? name(pipeline, 16) : line`${name(pipeline, 16)} › ${name(step, 20)}`;
  return lines(
    line`${text(number)} ${literal(mark(group))} ${literal(count(group.count))} × ${where}`,
    line`     ${quoted(kind, KIND_COLUMNS)}`,
    line`     ${
      dotted(
        literal(
          before === 0
            ? `first ${hours <= 24 ? minute(group.first_at) : dayTime(group.first_at).slice(0, -6)}`
            : `${count(before)} before`,
        ),
        literal(`newest ${hours <= 24 ? minute(newest) : dayTime(newest)}`),
      )
    }`,
  );
}

const mark = ({ count, before }: ErrorGroup): string =>
  before === 0 ? "🆕" : count > before ? "▲" : count < before ? "▼" : "=";

/** The time inside a UUIDv7. */
const timeOf = (id: string): string => new Date(parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toISOString();

const toExample = ({ example }: ErrorGroup): Action => ({ screen: "trace", trace_id: example, back: { to: "errors" } });
