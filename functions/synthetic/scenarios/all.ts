// Made by `npm run scenario -- index` from the files beside it and in ../recordings. Do not edit.
import type { Recorded } from "../llm/ports.ts";
import type { NamedScenario } from "../scenario.ts";

export const SCENARIOS: readonly NamedScenario[] = [];

/** By scenario. */
export const RECORDINGS: Readonly<Record<string, readonly Recorded[]>> = {};
