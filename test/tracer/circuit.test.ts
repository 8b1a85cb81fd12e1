import { describe, expect, test, vi } from "vitest";
import { newCircuit } from "../../tracer/circuit.ts";

const pauses = (random: number, count: number, hopeless: boolean) => {
  const spy = vi.spyOn(Math, "random").mockReturnValue(random);
  const circuit = newCircuit(200);
  const all = Array.from({ length: count }, () => circuit.failed(hopeless));
  spy.mockRestore();
  return all;
};

describe("Circuit", () => {
  test("short pauses have full jitter and double; from the fifth failure on they are long", () => {
    expect(pauses(1, 7, false)).toEqual([200, 400, 800, 1600, 5000, 10_000, 20_000]);
    expect(pauses(0, 6, false)).toEqual([0, 0, 0, 0, 2500, 5000]);
  });

  test("a refusal of all that we send opens it at once; no pause is over five minutes", () => {
    expect(pauses(1, 9, true).slice(0, 2)).toEqual([5000, 10_000]);
    expect(pauses(1, 50, true).at(-1)).toBe(300_000);
    expect(pauses(0, 50, true).at(-1)).toBe(150_000);
  });

  test("one success closes it, and the count starts anew", () => {
    const circuit = newCircuit(1);
    for (let i = 0; i < 5; i++) circuit.failed(false);
    expect(circuit.open()).toBe(true);
    circuit.succeeded();
    expect(circuit.open()).toBe(false);
    for (let i = 0; i < 4; i++) circuit.failed(false);
    expect(circuit.open()).toBe(false);
  });
});
