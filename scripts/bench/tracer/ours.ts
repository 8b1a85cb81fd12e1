/** This tracer, as it comes; its batches are taken at once. */
import { createTracer } from "../../../tracer/index.ts";
import { measure } from "./worker.ts";

let taken = 0;
const tracer = createTracer({
  transport: {
    send: (traces) => {
      taken += traces.length;
      return Promise.resolve({ kind: "accepted", rejected: [] });
    },
  },
});

measure({
  step: (name, work) => () => tracer.step(name, work),
  trace: (name, work) => () => tracer.trace(name, work),
  settle: () => tracer.flush(),
  taken: () => taken,
});
