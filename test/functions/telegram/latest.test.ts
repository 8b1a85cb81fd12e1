import { describe, expect, test } from "vitest";
import { createLatest } from "../../../functions/telegram/latest.ts";

/** Work that ends when told to. */
function held() {
  let release!: () => void;
  let begun!: () => void;
  const gate = new Promise<void>((resolve) => release = resolve);
  const started = new Promise<void>((resolve) => begun = resolve);
  return { started, release, work: () => (begun(), gate) };
}

describe("createLatest", () => {
  test("the newest is what Telegram sent last, not what came last", async () => {
    const latest = createLatest();
    const ran: number[] = [];
    const calls = [3, 1, 2].map((order) => latest("chat", order, () => Promise.resolve(void ran.push(order))));
    expect(await Promise.all(calls)).toEqual([true, false, false]);
    expect(ran).toEqual([3]);
  });

  test("one at a time, and of those that wait only the newest", async () => {
    const latest = createLatest();
    const first = held();
    const ran: string[] = [];
    const one = latest("chat", 1, async () => {
      await first.work();
      ran.push("one");
    });
    await first.started;
    const two = latest("chat", 2, () => Promise.resolve(void ran.push("two")));
    const three = latest("chat", 3, () => Promise.resolve(void ran.push("three")));
    expect(ran).toEqual([]);
    first.release();
    expect(await Promise.all([one, two, three])).toEqual([true, false, true]);
    expect(ran).toEqual(["one", "three"]);
  });

  test("what runs learns that a newer call came in", async () => {
    const latest = createLatest();
    const hold = held();
    const newest: boolean[] = [];
    const one = latest("chat", 4, async (isNewest) => {
      newest.push(isNewest());
      await hold.work();
      newest.push(isNewest());
    });
    await hold.started;
    const two = latest("chat", 5, (isNewest) => Promise.resolve(void newest.push(isNewest())));
    hold.release();
    await Promise.all([one, two]);
    expect(newest).toEqual([true, false, true]);
  });

  test("a call that was replaced leaves the others in their order", async () => {
    const latest = createLatest();
    const [first, third] = [held(), held()];
    const one = latest("chat", 6, first.work);
    await first.started;
    const two = latest("chat", 7, () => Promise.resolve());
    const three = latest("chat", 8, third.work);
    first.release();
    await Promise.all([one, two, third.started]);
    const running: boolean[] = [];
    let thirdEnded = false;
    const four = latest("chat", 9, () => Promise.resolve(void running.push(thirdEnded)));
    // A turn of the event loop, in which a call that did not wait would run.
    await new Promise((resolve) => setImmediate(resolve));
    thirdEnded = true;
    third.release();
    await Promise.all([three, four]);
    expect(running).toEqual([true]);
  });

  test("keys do not wait for each other", async () => {
    const latest = createLatest();
    const hold = held();
    const one = latest("a", 10, hold.work);
    await hold.started;
    expect(await latest("b", 11, async () => {})).toBe(true);
    hold.release();
    await one;
  });

  test("a failure reaches its own caller and nobody else", async () => {
    const latest = createLatest();
    const one = latest("chat", 12, () => Promise.reject(new Error("away")));
    const two = latest("chat", 13, async () => {});
    // The first waits a turn before it runs, and is replaced by the second.
    expect(await one).toBe(false);
    expect(await two).toBe(true);
    await expect(latest("chat", 14, () => Promise.reject(new Error("away")))).rejects.toThrow("away");
    expect(await latest("chat", 15, async () => {})).toBe(true);
  });
});
