// A process whose only work left is a background task that never ends. Runs under Node and Deno.
import process from "node:process";
import { createTracer } from "../../../tracer/index.ts";

const [url] = process.argv.slice(2);
const tracer = createTracer({ url, key: "tg_test_key", backgroundMs: 50 });
tracer.trace("p", (trace) => trace.background(() => tracer.step("never", () => new Promise(() => {}))));
