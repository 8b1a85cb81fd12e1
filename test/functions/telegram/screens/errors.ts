import { renderErrors } from "../../../../functions/telegram/render/errors.ts";
import { errorGroups, group } from "../screens_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [
  {
    title: "kinds of all sorts",
    reply: renderErrors(
      errorGroups([
        group(1),
        group(2, { before: 0, count: 3, kind: "boom", step: "" }),
        group(3, { before: 7, count: 2, pipeline: "message:photo", step: "storage.upload_the_photo", kind: "timeout" }),
        group(4, { before: 1, count: 1 }),
      ], { kinds: 6 }),
      24,
    ),
  },
  {
    title: "ten kinds in 30 days",
    reply: renderErrors(
      errorGroups(Array.from({ length: 10 }, (_, i) => group(i, { count: 12_345 - 1000 * i, step: `llm.step_${i}` })), {
        kinds: 11,
        count: 1_234_567,
      }),
      720,
    ),
  },
  { title: "none now, some before", reply: renderErrors(errorGroups([], { errors_before: 3 }), 168) },
  { title: "nothing ran", reply: renderErrors(errorGroups([], { count: 0 }), 1) },
  {
    title: "hostile names",
    reply: renderErrors(
      errorGroups(HOSTILE.slice(0, 10).map((name, i) => group(i, { pipeline: name, step: name, kind: name }))),
      24,
    ),
  },
];
