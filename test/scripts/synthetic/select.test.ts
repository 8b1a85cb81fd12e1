import { expect, test } from "vitest";
import { selected } from "../../../scripts/synthetic/select.ts";
import { scenario } from "../../functions/synthetic/suite/_support.ts";

const SCENARIOS = [
  scenario("refund", { smoke: false }),
  scenario("refund-late", { smoke: false }),
  scenario("greets"),
  scenario("a.b"),
];
const names = (tier: "smoke" | "release", ...patterns: string[]) =>
  selected(SCENARIOS, tier, patterns).map(({ name }) => name);

test("a tier, or those whose names fit, in their order and each once", () => {
  expect(names("smoke")).toEqual(["a.b", "greets"]);
  expect(names("release")).toEqual(["a.b", "greets", "refund", "refund-late"]);
  expect(names("smoke", "refund*", "refund")).toEqual(["refund", "refund-late"]);
  expect(names("smoke", "?reets")).toEqual(["greets"]);
  expect(names("release", "*")).toHaveLength(4);
});

test("a name is a name, and no regular expression", () => {
  expect(names("smoke", "a.b")).toEqual(["a.b"]);
  expect(() => names("smoke", "r.fund")).toThrow(
    "There is no scenario r.fund. There are a.b, greets, refund, refund-late",
  );
});

test("nothing to run is refused in words", () => {
  expect(() => selected([], "smoke", [])).toThrow("no scenarios yet");
  expect(() => selected([scenario("x", { smoke: false })], "smoke", [])).toThrow(
    "None of the scenarios is a smoke test",
  );
});
