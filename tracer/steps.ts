/**
 * The bot's table of step names, each with the label that a user sees while the step runs.
 *
 * @module
 */
import { MAX_STEP_NAME } from "./wire.ts";

/** Step name → label for users. */
export type StepTable = Readonly<Record<string, string>>;

type Drop5<S> = S extends `${infer _1}${infer _2}${infer _3}${infer _4}${infer _5}${infer Rest}` ? Rest : "";

/** True for a literal of more than 20 UTF-16 units. A plain `string` passes here and is checked at run time. */
type TooLong<S> = Drop5<Drop5<Drop5<Drop5<S>>>> extends "" ? false : true;

type ShortNames<S> = {
  [K in keyof S]: TooLong<K> extends true ? { error: "a step name has at most 20 characters" } : string;
};

/**
 * Declares the steps of a bot: `createTracer({ steps })` then accepts these names only, and `showProgress` shows their
 * labels. A name over 20 characters does not compile.
 */
export function defineSteps<const S extends StepTable>(steps: S & ShortNames<S>): S {
  return steps;
}

/** A name as it is recorded: at most 20 characters, never empty. */
export function stepName(name: string): string {
  if (typeof name !== "string" || name === "") return "(unnamed)";
  return name.length <= MAX_STEP_NAME ? name : Array.from(name).slice(0, MAX_STEP_NAME).join("");
}
