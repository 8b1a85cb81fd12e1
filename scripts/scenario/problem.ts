/** What is wrong with a file, and where. */

/** Of a value in a scenario: keys, and positions in lists. */
export type Path = readonly (string | number)[];

/** Counted from 1. */
export interface Position {
  line: number;
  column: number;
}

/** Of a value, by its path; of the key that names it, where `key` is true; of what is around it, where it is not there. */
export type Locate = (path: Path, key?: boolean) => Position;

export interface Finding {
  path: Path;
  /** The key is what is wrong, not its value. */
  key?: boolean;
  message: string;
}

export interface Problem extends Position {
  /** As it is shown. */
  file: string;
  message: string;
}

/** In a line that editors and terminals make a link of. */
export const problemLine = ({ file, line, column, message }: Problem): string =>
  `${file}:${line}:${column}: ${message}`;

/** Files that are no valid scenarios, with all that is wrong with them. */
export class Invalid extends Error {
  override readonly name = "Invalid";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemLine).join("\n"));
    this.problems = problems;
  }
}

/** Such as `turns[1].expect.text`. */
export function pathWords(path: Path): string {
  const parts = path.map((part) =>
    typeof part === "number" ? `[${part}]` : /^\w+$/.test(part) ? `.${part}` : `["${part}"]`
  );
  return parts.join("").replace(/^\./, "");
}
