// A bot's process with a spool, until it is killed. Says of each trace when it has ended. Runs under Node and Deno.
import process from "node:process";
import { createTracer } from "../../../tracer/index.ts";
import { diskSpool } from "../../../tracer/spool.ts";

const [url, dir, mode = "", key = "tg_test_key"] = process.argv.slice(2);
const tracer = createTracer({
  url,
  key,
  capture: { rate: 1 },
  retryDelayMs: 20,
  maxQueued: 200,
  requestTimeoutMs: 2000,
  spool: diskSpool({ dir: dir! }),
  onError: ({ code, message }) => process.stderr.write(`${code}: ${message}\n`),
});

const count = Number(mode) || Infinity;
const step = mode === "idle" ? () => {} : () => {
  for (let i = 0; i < 10 && made < count; i++, made++) {
    tracer.trace("bot", (trace) => {
      tracer.step("llm", (step) => step.llm({ request: `question ${trace.id} `.repeat(20) }));
      setImmediate(() => process.stdout.write(`${trace.id} ${Date.now()}\n`));
    });
  }
  if (made >= count) process.stdout.write("done\n");
  else setTimeout(step, 10);
};
let made = 0;
step();
setInterval(() => {}, 1000);
if (mode === "idle") process.stdout.write("idle\n");
