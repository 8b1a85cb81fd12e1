/**
 * A trace as a scenario: what the person wrote, and what ran. Pure.
 *
 * The YAML is written by hand: it has few forms, and every text in it is in quotes, as JSON has them.
 *
 * @module
 */
import type { WireStep } from "../../tracer/wire.ts";
import type { TraceDetail, TraceIo } from "./answers.ts";

/** How much longer and dearer than the trace the scenario may be. */
const SLACK = 2;
/** Least that it may take and cost: a trace may be of a cheap model, or of an answer that was there at once. */
const LEAST_MS = 10_000;
const LEAST_MICROUSD = 10_000;
/** A title is a sentence. */
const MAX_TITLE = 80;
/** Longest message that Telegram lets a person write. */
const MAX_MESSAGE = 4096;

/** `support-0194bc1f`: the scenario's name, which is its file's without `.yaml`; at most 40 of a to z, 0 to 9 and -. */
export function fixtureName({ pipeline, trace_id }: TraceDetail): string {
  const name = pipeline.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+/, "").slice(0, 31).replace(/-+$/, "");
  return `${name || "trace"}-${trace_id.slice(0, 8)}`;
}

/** What the person wrote: the last message of theirs in the first request that has one. Null: it is not known. */
export function findTurn(trace: TraceDetail, io: readonly TraceIo[]): string | null {
  const asked = io.map(({ step, request }) => ({
    isLlm: trace.steps[step - 1]?.model !== undefined,
    text: lastOfUser(request),
  })).filter(({ text }) => text !== null);
  return (asked.find(({ isLlm }) => isLlm) ?? asked[0])?.text ?? null;
}

/**
 * @param io What was captured of its steps; it may be a part, or nothing.
 * @param mask Applied to all that the person or the bot has written.
 */
export function fixtureOf(trace: TraceDetail, io: readonly TraceIo[], mask: (text: string) => string): string {
  const { trace_id, started_at, pipeline, status, error } = trace;
  const said = findTurn(trace, io);
  const say = said === null ? null : mask(said);
  return [
    "# yaml-language-server: $schema=../../../docs/scenario.schema.json",
    `# Made of trace ${trace_id} of ${started_at.slice(0, 10)}.`,
    ...(status === "error"
      ? [
        `# The run failed: ${comment(mask(error ?? "without an error text"))}`,
        "# The scenario asks that it does not.",
      ]
      : []),
    `title: ${quoted(titled(say ?? mask(pipeline)))}`,
    "turns:",
    ...turn(say, pipeline),
    ...expectations(trace, mask),
    "",
  ].join("\n");
}

const titled = (text: string): string => {
  const characters = [...text.replace(/\s+/g, " ").trim()];
  const short = characters.length > MAX_TITLE ? `${characters.slice(0, MAX_TITLE - 1).join("")}…` : characters.join("");
  return short || "A conversation";
};

function turn(say: string | null, pipeline: string): string[] {
  if (say !== null) {
    return [
      ...(say.length > MAX_MESSAGE
        ? ["  # TODO: this is longer than Telegram takes, so there is more in it than the person wrote."]
        : []),
      `  - say: ${quoted(say.slice(0, MAX_MESSAGE))}`,
    ];
  }
  if (/^\/\w{1,32}$/.test(pipeline)) {
    return ["  # What stood after the command is not kept.", `  - say: ${quoted(pipeline)}`];
  }
  return ["  # TODO: what the person wrote is not kept. Write it here.", `  - say: ${quoted("TODO")}`];
}

/** Of the whole conversation. That nothing fails is what holds without a word. */
function expectations(
  { steps, status, duration_ms, cost_microusd, cost_complete }: TraceDetail,
  mask: (text: string) => string,
): string[] {
  // A name that holds what is masked is of one run only.
  const names = stepsInOrder(steps).map(({ name }) => name).filter((name) => mask(name) === name);
  const once = names.filter((name, i) => name !== names[i - 1]);
  // What broke off, or is not over, says nothing of how long it takes and what it costs.
  const limits = status !== "ok" ? [] : [
    ...(duration_ms === null ? [] : [`  max_duration_ms: ${atMost(duration_ms, LEAST_MS, 1000)}`]),
    ...(cost_microusd === null || !cost_complete
      ? []
      : [`  max_cost_usd: ${atMost(cost_microusd, LEAST_MICROUSD, 10_000) / 1_000_000}`]),
  ];
  const expected = [
    ...(once.length > 0 ? ["  steps:", ...once.map((name) => `    - ${quoted(name)}`)] : []),
    ...limits,
  ];
  return expected.length === 0 ? [] : ["expect:", ...expected];
}

/**
 * The steps whose order is the same in each run. Of those that ran at once only the first has a place in it; and one that
 * failed and was tried again counts as it went in the end.
 */
function stepsInOrder(steps: readonly WireStep[]): WireStep[] {
  const kept: number[] = [];
  const isWithin = (outer: number, at: number): boolean => {
    const parent = (steps[at]?.parent ?? 0) - 1;
    return parent >= 0 && parent < at && (parent === outer || isWithin(outer, parent));
  };
  for (const [at, step] of steps.entries()) {
    const isAtOnce = kept.some((other) => {
      const { offset_ms, duration_ms, status } = steps[other]!;
      return status !== "detached" && step.offset_ms < offset_ms + duration_ms && !isWithin(other, at);
    });
    const isTriedAgain = step.status === "error" &&
      steps.some(({ name, status }, later) => later > at && name === step.name && status !== "error");
    if (!isAtOnce && !isTriedAgain) kept.push(at);
  }
  return kept.map((at) => steps[at]!);
}

/** With slack, in full seconds or cents. */
const atMost = (was: number, least: number, unit: number): number =>
  Math.max(least, Math.ceil(was * SLACK / unit) * unit);

/** A text as JSON, which is YAML too, but for characters that YAML takes for line ends or does not take at all. */
const quoted = (text: string): string =>
  JSON.stringify(text.replace(/[\u{D800}-\u{DFFF}]/gu, "\uFFFD"))
    .replace(
      /[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );

/** A text that stays on the comment's line. */
const comment = (text: string): string => quoted(text.slice(0, 300));

/** The last text of a user in a request as OpenAI's, Anthropic's or Google's APIs take it, or in a list of messages. */
function lastOfUser(request: string | null): string | null {
  const parsed = parse(request);
  if (parsed === null) return null;
  const { messages, input, contents } = parsed as Record<string, unknown>;
  const said = Array.isArray(parsed) ? parsed : messages ?? input ?? contents;
  if (typeof said === "string") return said;
  if (!Array.isArray(said)) return null;
  const users = (said as unknown[]).filter((message) => (message as { role?: unknown } | null)?.role === "user");
  return users.map((message) => textOf(message as Message)).findLast((text) => text !== "") ?? null;
}

interface Message {
  content?: unknown;
  parts?: unknown;
}

function textOf({ content, parts }: Message): string {
  const pieces = content ?? parts;
  if (typeof pieces === "string") return pieces.trim();
  if (!Array.isArray(pieces)) return "";
  return (pieces as unknown[]).map((piece) => (piece as { text?: unknown } | null)?.text)
    .filter((text) => typeof text === "string").join("\n").trim();
}

/** An object or a list; null where it is none, or was cut. */
function parse(json: string | null): object | null {
  try {
    const value: unknown = JSON.parse(json ?? "null");
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
