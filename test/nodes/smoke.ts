// A bot's process on the packed package, for runtimes without vitest: what a tracer must get right, in little.
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

const [mode, url, ...entries] = process.argv.slice(2);
/** Resolved by the runtime itself, so not written where TypeScript would look for it. */
const load = (entry: string): Promise<Record<string, unknown>> => import(entry.replace(".", "tracegram"));
const { createTracer } = await load(".") as unknown as typeof import("../../tracer/index.ts");
const tracer = createTracer({ url, key: "tg_test_key", flushIntervalMs: 60_000, flushAt: 1e6 });

/** Traces that are all under way at once, each with steps of its own name below one another. */
async function crowd(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) =>
    tracer.trace(`crowd ${n}`, async (trace) => {
      await tracer.step(`outer ${n}`, async () => {
        await delay(n % 7);
        await Promise.all(["a", "b"].map((name) =>
          tracer.step(`${name} ${n}`, async () => {
            await delay(n % 3);
            tracer.step(`deep ${name} ${n}`, () => tracer.currentTraceId() === trace.id || process.exit(3));
          })
        ));
      });
    }, { update_id: n })));
}

async function failures(): Promise<void> {
  const cause = new Error("no route to the provider");
  const call = { model: "stand-in", input_tokens: 12, request: "what?", response: "that" };
  const thrown = await tracer.trace("fails", () =>
    tracer.step("llm", (step) => {
      step.llm(call);
      return Promise.reject(cause);
    })).catch((error) => error);
  if (thrown !== cause) throw new Error("the bot's own error did not come through");
  await tracer.trace("recovers", async () => {
    await tracer.step("llm", () => Promise.reject(cause)).catch(() => {});
    return tracer.step("apology", () => "sorry");
  });
}

function handles(): void {
  const trace = tracer.startTrace("by hand");
  const step = trace.startStep("step");
  step.run(() => tracer.step("inside", () => {}));
  step.end();
  trace.end();
}

for (const entry of entries) {
  if (Object.keys(await load(entry)).length === 0) throw new Error(`${entry} exports nothing`);
}
await crowd(mode === "signal" ? 5 : 300);
await failures();
handles();
tracer.step("outside", () => {});
console.log(JSON.stringify(tracer.stats()));
if (mode === "signal") setInterval(() => {}, 1000);
