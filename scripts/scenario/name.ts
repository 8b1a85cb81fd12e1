/** What a scenario can be called: it is the name of a file, and stands in buttons and commands. */
const FORM = /^[a-z0-9][a-z0-9-]{0,39}$/;
/** Of `npm run synthetic` and `/admin test`; and `all.ts` is the index. */
const WORDS = ["all", "dry", "missing", "release", "replay", "smoke"];

/** Why it cannot be one; undefined: it can. */
export function nameProblem(name: string): string | undefined {
  if (!FORM.test(name)) return "that is 1 to 40 of a to z, 0 to 9 and -";
  if (WORDS.includes(name)) return `${WORDS.join(", ")} are words of the commands`;
  return undefined;
}
