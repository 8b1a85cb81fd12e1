/** The same code, not traced. */
import { measure } from "./worker.ts";

measure({
  step: (_, work) => () => work(),
  trace: (_, work) => () => work(),
  settle: () => Promise.resolve(),
  taken: () => undefined,
});
