/**
 * A scenario's file from a trace: what the person wrote, and what came of it.
 *
 * @module
 */
import type { TraceDetail, TraceIo } from "./answers.ts";

export function fixtureOf(_trace: TraceDetail, _io: readonly TraceIo[], _name: string): string {
  throw new Error("part TELEGRAM");
}
