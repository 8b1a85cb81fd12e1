/** The trace screen as a rich message: the same facts, its steps in tables, those of long traces behind summaries. */
import type { TraceDetail } from "../../_shared/db.ts";
import type { WireStep } from "../../../tracer/wire.ts";
import { isCall, tokenClasses, tokensOf } from "./calls.ts";
import { dotted, type Html, line, literal, name, quoted, text } from "./html.ts";
import { type Block, details, heading, paragraph, quotation, richMessage, table } from "./rich.ts";
import type { Rich } from "./screen.ts";
import { count, duration, money } from "./units.ts";
import { depths } from "./waterfall.ts";

/** Steps that are seen at once. */
const OPEN_STEPS = 20;
/** Steps behind one summary. */
const STEPS_PER_GROUP = 50;
const NAME_COLUMNS = 24;
const MAX_INDENT = 6;
const MARKS = { ok: "", error: " ✗", detached: " →" } as const;

/**
 * @param head The first line.
 * @param paragraphs What the screen says above its steps.
 * @param failure What went wrong, if anything did.
 */
export function richTrace(trace: TraceDetail, head: Html, paragraphs: readonly Html[], failure: Html | null): Rich {
  const rows = stepRows(trace.steps);
  return richMessage(
    heading(head),
    ...paragraphs.filter(({ length }) => length > 0).map(paragraph),
    ...(failure === null ? [] : [quotation(failure)]),
    ...callTable(trace.steps),
    ...(rows.length === 0 ? [paragraph(line`No steps were recorded.`)] : [stepTable(rows.slice(0, OPEN_STEPS))]),
    ...groups(rows),
  );
}

function stepRows(steps: readonly WireStep[]): Html[][] {
  const depth = depths(steps);
  return steps.map((step, i) => [
    line`${literal("· ".repeat(Math.min(depth[i]!, MAX_INDENT)))}${name(step.name, NAME_COLUMNS)}${
      literal(MARKS[step.status ?? "ok"])
    }`,
    text(duration(step.offset_ms)),
    text(duration(step.duration_ms)),
  ]);
}

const stepTable = (rows: readonly Html[][]): Block =>
  table(["left", "right", "right"], [line`Step`, line`Start`, line`Took`], rows);

function groups(rows: readonly Html[][]): Block[] {
  const found: Block[] = [];
  for (let from = OPEN_STEPS; from < rows.length; from += STEPS_PER_GROUP) {
    const some = rows.slice(from, from + STEPS_PER_GROUP);
    const range = `Steps ${count(from + 1)} to ${count(from + some.length)}`;
    found.push(details(text(range), stepTable(some)));
  }
  return found;
}

/** Up to twenty LLM calls: model, tokens, cost, first token. */
function callTable(steps: readonly WireStep[]): Block[] {
  const calls = steps.filter(isCall);
  if (calls.length === 0) return [];
  const rows = calls.slice(0, 20).map((step) => [
    dotted(name(step.name, NAME_COLUMNS), step.model === undefined ? null : quoted(step.model, 32)),
    text(tokenClasses(tokensOf(step)) || "–", 90),
    text(money(step.cost_microusd ?? null, step.cost_microusd !== undefined || step.model === undefined) ?? "–"),
    text(step.first_token_ms === undefined ? "–" : duration(step.first_token_ms)),
  ]);
  const title = calls.length > rows.length ? `LLM calls, the first 20 of ${count(calls.length)}` : "LLM calls";
  const head = [line`Call`, line`Tokens`, line`Cost`, line`First token`];
  return [details(text(title), table(["left", "left", "right", "right"], head, rows))];
}
