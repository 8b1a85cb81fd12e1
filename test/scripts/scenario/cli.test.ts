/** `npm run scenario`: what it writes, refuses and says. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { makeFolder, yaml } from "./_support.ts";

test.for([["yaml", []], ["ts", ["--ts"]]] as const)(
  "new: a valid scenario in %s, in the index, and never over another",
  async ([ending, flags]) => {
    const { scenario, read, write, shown } = makeFolder();
    const made = await scenario(["new", "late-parcel", ...flags]);
    expect(made).toEqual({
      code: 0,
      said: `Wrote ${shown(`scenarios/late-parcel.${ending}`)}\n${
        shown("scenarios/all.ts")
      } has all 1 scenarios, 0 smoke, 0 recorded`,
      complained: "",
    });
    const text = read(`scenarios/late-parcel.${ending}`);
    expect(text).toContain("Late parcel");
    if (ending === "yaml") {
      expect(text).toMatch(
        /^# yaml-language-server: \$schema=\.\.\/\.\.\/\.\.\/docs\/scenario\.schema\.json\n/,
      );
    }
    expect(read("scenarios/all.ts")).toContain("late-parcel");

    write(`scenarios/late-parcel.${ending}`, `${text}\n`);
    for (const more of [[], ["--ts"]]) {
      const again = await scenario(["new", "late-parcel", ...more]);
      expect(again).toMatchObject({ code: 1, said: "" });
      expect(again.complained).toMatch(/late-parcel\.\w+ is there already\.\n\nWhat to do: Take another name/);
    }
    expect(read(`scenarios/late-parcel.${ending}`)).toBe(`${text}\n`);
  },
);

test.for(["Late", "a_b", "../a", "a.b", "ü", "a".repeat(41), " "])("new: not by the name %j", async (name) => {
  const folder = makeFolder();
  const { code, complained } = await folder.scenario(["new", name]);
  expect(code).toBe(1);
  expect(complained).toContain(
    "cannot be a scenario's name: that is 1 to 40 of a to z, 0 to 9 and -.\n\nWhat to do: Take",
  );
  expect(folder.has("scenarios/all.ts")).toBe(false);
});

test("new: not by a name that reads as an option", async () => {
  expect(await makeFolder().scenario(["new", "--", "-x"])).toMatchObject({ code: 1 });
});

test.for(["smoke", "release", "dry", "replay", "missing", "all"])(
  "a word of the commands is no name, in new and index: %s",
  async (name) => {
    const { scenario, has, write, shown } = makeFolder();
    for (const flags of [[], ["--ts"]]) {
      const { code, complained } = await scenario(["new", name, ...flags]);
      expect(code).toBe(1);
      expect(complained).toMatch(
        RegExp(
          `^\`${name}\` cannot be a scenario's name: .*${name}.* are words of the commands\\.\n\nWhat to do: Take`,
        ),
      );
    }
    write(`scenarios/${name}.yaml`, yaml());
    const { code, complained } = await scenario(["index"]);
    expect(code).toBe(1);
    expect(complained).toMatch(/words of the commands\. Rename the file\./);
    expect(complained).toContain(`${shown(`scenarios/${name}.yaml`)}:1:1: cannot be a scenario's name: `);
    expect(has("scenarios/all.ts")).toBe(false);
  },
);

test("what still says TODO is told with its place, and holds off no other scenario", async () => {
  const { scenario, read, shown } = makeFolder({
    "scenarios/a.yaml": yaml("expect:", "  text:", "    - contains: TODO", "  buttons: [TODO]"),
    "scenarios/b.ts": "export default {\n  title: 'B',\n  turns: [{ say: 'TODO' }],\n};\n",
    "scenarios/c.yaml": yaml(),
  });
  const { code, said, complained } = await scenario(["index"]);
  expect(code).toBe(0);
  expect(complained.split("\n")).toEqual([
    `${
      shown("scenarios/a.yaml")
    }:6:17: expect.text[0].contains still says TODO. The scenario fails, unpaid, until it is written.`,
    `${shown("scenarios/b.ts")}:3:18: turns[0].say still says TODO. The scenario fails, unpaid, until it is written.`,
  ]);
  expect(said).toContain("has all 3 scenarios");
  expect(read("scenarios/all.ts")).toContain('"name": "c"');
});

test("what is commented out in a new one is valid too", async () => {
  const { scenario, read, write } = makeFolder();
  await scenario(["new", "a"]);
  await scenario(["new", "b", "--ts"]);
  write("scenarios/a.yaml", read("scenarios/a.yaml").replace(/^( *)# (?!yaml-language|All )/gm, "$1"));
  write("scenarios/c.ts", read("scenarios/b.ts").replace(/^( *)\/\/ (?=smoke:|\{ say)/gm, "$1"));
  const { code, said, complained } = await scenario(["index"]);
  expect([code, complained]).toEqual([0, ""]);
  expect(said).toContain("all 3 scenarios, 2 smoke");
  expect(read("scenarios/all.ts")).toMatch(/"buttons"[^]*"rubric"/);
});

test("index --check: 1 when the index is missing or stale, and it stays as it is", async () => {
  const { scenario, read, write, has, shown } = makeFolder({ "scenarios/a.yaml": yaml() });
  const stale = {
    code: 1,
    said: "",
    complained: `${
      shown("scenarios/all.ts")
    } is older than the scenarios or recordings.\n\nWhat to do: npm run scenario -- index`,
  };
  expect(await scenario(["index", "--check"])).toEqual(stale);
  expect(has("scenarios/all.ts")).toBe(false);

  expect(await scenario(["index"])).toMatchObject({ code: 0 });
  expect(await scenario(["index", "--check"])).toMatchObject({
    code: 0,
    said: expect.stringContaining("had all 1 scenarios"),
  });
  const before = read("scenarios/all.ts");
  for (
    const [path, text] of [["scenarios/a.yaml", yaml("smoke: true")], ["scenarios/b.yaml", yaml()], [
      "recordings/a.json",
      "[]",
    ]] as const
  ) {
    write(path, text);
    expect(await scenario(["index", "--check"])).toEqual(stale);
    expect(read("scenarios/all.ts")).toBe(before);
  }
});

test.for(
  [
    [[], "What is to be done?"],
    [["make", "a"], "There is no `make`."],
    [["toString"], "There is no `toString`."],
    [["new"], "`new` wants a name."],
    [["new", "a", "b"], "Unknown: b"],
    [["new", "a", "--check"], "`new` does not take --check."],
    [["index", "a"], "Unknown: a"],
    [["index", "--ts"], "`index` does not take --ts."],
    [["from"], "`from` wants a trace id."],
    [["--nonsense"], "Unknown option '--nonsense'"],
  ] as const,
)("used wrongly: %j", async ([args, says]) => {
  const folder = makeFolder();
  const { code, said, complained } = await folder.scenario([...args]);
  expect([code, said]).toEqual([2, ""]);
  expect(complained).toContain(says);
  expect(complained).toContain("npm run scenario -- new <name>");
  expect(folder.has("scenarios/all.ts")).toBe(false);
});

test("from: without a database to ask", async () => {
  const { scenario } = makeFolder();
  const none = await scenario(["from", "0194bc1f"], { STACK_NAME: "no-such-stack" });
  expect(none).toMatchObject({
    code: 1,
    complained: expect.stringContaining("no project is set, and no local stack runs"),
  });
  const half = await scenario(["from", "0194bc1f"], {
    SUPABASE_PROJECT_REF: "abcdefghijklmnopqrst",
    SUPABASE_ACCESS_TOKEN: "hunter2",
  });
  expect(half).toMatchObject({
    code: 1,
    complained: expect.stringContaining("- SUPABASE_ACCESS_TOKEN is not a token of"),
  });
  expect(half.complained).not.toContain("hunter2");
});

test("npm run scenario: help, and exit codes", async () => {
  const scenario = (...args: string[]) =>
    promisify(execFile)(process.execPath, ["--import", "tsx", "scripts/scenario.ts", ...args], {
      env: { PATH: process.env["PATH"] },
    })
      .then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
      );
  const [help, wrong] = await Promise.all([scenario("--help"), scenario("nonsense")]);
  expect(help).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("npm run scenario -- from <trace>"),
    stderr: "",
  });
  expect(wrong).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("There is no `nonsense`.") });
});
