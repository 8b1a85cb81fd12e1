import { expect, test } from "vitest";
import { readArgs, readDollars, Refusal } from "../../../scripts/synthetic/args.ts";

const run = (...args: string[]) => readArgs(args);

test("without anything: the smoke tests, live", () => {
  expect(run()).toEqual({
    act: "run",
    tier: "smoke",
    names: [],
    mode: "live",
    record: false,
    repeat: 1,
    seed: undefined,
    concurrency: undefined,
    spend: undefined,
    junit: undefined,
    json: undefined,
    local: false,
  });
});

test("all that a run can be told", () => {
  expect(
    run(
      ..."release refund* x --record missing --repeat 10 --seed 0 --concurrency 16 --spend 0.25 --junit a.xml --json - --local"
        .split(" "),
    ),
  ).toMatchObject({
    tier: "release",
    names: ["refund*", "x"],
    mode: "missing",
    record: true,
    repeat: 10,
    seed: 0,
    concurrency: 16,
    spend: 250_000,
    junit: "a.xml",
    json: "-",
    local: true,
  });
  expect(run("--dry-run", "greets")).toMatchObject({ tier: "smoke", names: ["greets"], mode: "replay", record: false });
});

test("--record alone records all, also before a name", () => {
  expect(run("--record", "release", "greets")).toMatchObject({
    mode: "live",
    record: true,
    tier: "release",
    names: ["greets"],
  });
  expect(run("--record")).toMatchObject({ mode: "live", record: true });
  expect(run("--record", "all")).toMatchObject({ mode: "live", record: true, names: [] });
  expect(run("--record=missing")).toMatchObject({ mode: "missing", record: true });
});

test("other acts", () => {
  const id = "0198f3ab-0000-7000-8000-000000000001";
  expect(run("--list")).toMatchObject({ act: "list" });
  expect(run("--stop", id, "--local")).toMatchObject({ act: "stop", run: id, local: true });
  expect(run("--resume", id, "--json", "x.json")).toMatchObject({ act: "resume", run: id, json: "x.json" });
  expect(run("-h", "--pull", "x")).toMatchObject({ act: "help" });
});

test.each([
  ["--spend", "0"],
  ["--spend", "-1"],
  ["--spend", "1e9"],
  ["--spend", "0.0000001"],
  ["--spend", "a lot"],
  ["--repeat", "0"],
  ["--repeat", "101"],
  ["--seed", "1.5"],
  ["--seed", "2147483648"],
  ["--concurrency", "17"],
  ["--record=some"],
  ["--dry-run", "--record"],
  ["--dry-run", "--spend", "1"],
  ["--junit", "-"],
  ["--stop", "x"],
  ["--stop"],
  ["--list", "greets"],
  ["--list", "--repeat", "2"],
  ["--twice"],
])("%s %s %s is refused, with the help", (...args) => {
  expect(() => run(...args)).toThrow(Refusal);
  try {
    run(...args);
  } catch (error) {
    expect((error as Refusal).usage).toBe(true);
  }
});

test.each([
  [["--spend", "-1"], "--spend takes dollars, such as 0.25, at least 0.000001, not -1"],
  [["--seed", "-1"], "--seed takes a whole number from 0 to 2147483647, not -1"],
  [
    ["--resume", "0198f3ab-0000-7000-8000-00000000000a", "--record"],
    "--resume takes no --record: a run goes on as it was begun",
  ],
  [["--list", "--dry-run"], "--list takes no --dry-run"],
  [["--list", "greets"], "--list takes no tier and no names"],
])("%j: what is wrong is said in words", (args, words) => expect(() => run(...args)).toThrow(words));

test("dollars are micro-dollars, exactly", () => {
  expect(["0.1", "$0.29", "1", "0.000001", "12345.678901"].map(readDollars)).toEqual([
    100_000,
    290_000,
    1e6,
    1,
    12_345_678_901,
  ]);
  expect(["0", "", "1,5", "1.", "NaN", "-1", "$"].map(readDollars)).toEqual(Array(7).fill(null));
});
