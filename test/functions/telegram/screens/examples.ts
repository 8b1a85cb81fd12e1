/**
 * What screens look like, for people: `npm run screens` shows every example of every file in this folder.
 *
 * A file is named for its renderer and exports `examples`. The ones to write are those a reviewer wants to see side by
 * side: the usual, the fullest, the empty and the hostile.
 */
import type { Reply } from "../../../../functions/telegram/render/screen.ts";

export interface Example {
  /** What is special about it. */
  title: string;
  reply: Reply;
}
