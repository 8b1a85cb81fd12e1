/**
 * Regular expressions as scenarios write them: `/order \d+/i`, or bare.
 *
 * @module
 */

/** @throws {SyntaxError} naming what is wrong. */
export function readPattern(text: string): RegExp {
  const [, source = text, flags = ""] = /^\/(.+)\/([a-z]*)$/s.exec(text) ?? [];
  return new RegExp(source, flags);
}

/** What is wrong with it, in words; undefined: nothing. */
export function patternProblem(text: string): string | undefined {
  try {
    readPattern(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
