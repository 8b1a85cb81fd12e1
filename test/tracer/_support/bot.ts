// A bot's process: records five traces, and then does what it is told. Runs under Node and Deno.
import process from "node:process";
import type { TracerOptions } from "../../../tracer/index.ts";

const [url, mode] = process.argv.slice(2);
// An edge runtime: no process to listen to.
if (mode === "unload") delete (globalThis as { process?: unknown }).process;
const { createTracer } = await import("../../../tracer/index.ts");
// Before the tracer's own handler: a `once` listener is gone by the time that the tracer looks.
if (mode === "app") {
  process.once("SIGTERM", () => {
    setTimeout(() => {
      tracer.trace("goodbye", () => {});
      void tracer.close().then(() => process.exit(7));
    }, 20);
  });
}
if (mode === "leave") process.once("SIGTERM", () => clearInterval(work));
const options: TracerOptions = { url, key: "tg_test_key", flushIntervalMs: 60_000 };
const tracer = createTracer(options);

for (let i = 0; i < 5; i++) {
  await tracer.trace("bot", async () => {
    await tracer.step("outer", async () => {
      await Promise.all(["a", "b"].map((name) =>
        tracer.step(name, async () => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          tracer.step(`${name}.in`, () => {});
        })
      ));
    });
  }, { update_id: i });
}

const work = mode === "end" || mode === "unload" ? undefined : setInterval(() => {}, 1000);
if (mode === "open") void tracer.trace("open", () => new Promise(() => {}));
console.log("ready");
