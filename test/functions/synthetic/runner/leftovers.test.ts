// What a bot has left running when its scenario is over.
import { describe, expect, test } from "vitest";
import type { Transport } from "../../../../tracer/transport.ts";
import { ask, forever, onText, replying, run } from "./_support.ts";

describe("leftovers", () => {
  const cases: [string, Parameters<typeof onText>[0], string][] = [
    ["a timer", () => void setTimeout(() => {}, 60_000), "a timer that is pending: setTimeout of 60000 ms"],
    [
      "an unref'd timer",
      () => void setTimeout(() => {}, 60_000).unref(),
      "a timer that is pending: setTimeout of 60000 ms",
    ],
    ["an interval", () => void setInterval(() => {}, 5_000), "a timer that is pending: setInterval of 5000 ms"],
    ["an open trace", (_, { tracer }) => void tracer.startTrace("import"), "traces that have not ended: import"],
  ];
  test.each(cases)("%s", async (_, leave, what) => {
    const outcome = await run(onText(leave), {});
    expect(outcome.failures).toEqual([{ turn: 0, expectation: "leftover", message: `The bot has left ${what}` }]);
  });

  test("an LLM call or a call to Telegram under way, at the timeout", async () => {
    const outcome = await run(onText((_, world) => ask(world, "a")), { timeout_ms: 200 }, { answer: forever });
    expect(outcome.failures.map(({ message }) => message)).toContain("The bot has left LLM calls under way: 1");
  });

  test("traces that nobody takes", async () => {
    const denying: Transport = { send: () => Promise.resolve({ kind: "denied", code: "x", message: "who are you" }) };
    const outcome = await run(replying(() => "a"), {}, { transport: denying });
    expect(outcome.failures).toEqual([{
      turn: 0,
      expectation: "leftover",
      message: "The bot has left traces that could not be sent: Traces wait: who are you (x)",
    }]);
  });

  test("are cleared, and what has gone off or was cleared is none", async () => {
    let ticks = 0;
    await run(onText(() => void setInterval(() => ticks++, 1)), {});
    const after = ticks;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ticks).toBe(after);

    const outcome = await run(
      onText(async () => {
        clearTimeout(setTimeout(() => {}, 9_000));
        clearTimeout(Number(setTimeout(() => {}, 9_000)));
        setTimeout(() => {}, 9_000).close();
        clearInterval(setInterval(() => {}, 9_000));
        clearImmediate(setImmediate(() => {}));
        await new Promise((resolve) => setTimeout(resolve, 1));
        await new Promise((resolve) => setImmediate(resolve));
      }),
      {},
    );
    expect(outcome).toMatchObject({ state: "passed", failures: [] });
  });
});
