/** The least that a tracer over AsyncLocalStorage must do: a context, two readings of the clock, and a push. */
import { AsyncLocalStorage } from "node:async_hooks";
import { measure } from "./worker.ts";

interface Node {
  name: string;
  start: number;
  end: number;
  /** Of the whole trace. */
  steps: Node[];
}

const context = new AsyncLocalStorage<Node>();
let taken = 0;

measure({
  step: (name, work) => async () => {
    const { steps } = context.getStore()!;
    const node: Node = { name, start: performance.now(), end: 0, steps };
    steps.push(node);
    try {
      return await context.run(node, work);
    } finally {
      node.end = performance.now();
    }
  },
  trace: (name, work) => async () => {
    const node: Node = { name, start: performance.now(), end: 0, steps: [] };
    try {
      return await context.run(node, work);
    } finally {
      node.end = performance.now();
      taken++;
    }
  },
  settle: () => Promise.resolve(),
  taken: () => taken,
});
