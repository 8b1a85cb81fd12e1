/** `npm run scenario -- from`: a trace on a real stack becomes a valid scenario, asked for as of a hosted project. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { serve, type Served } from "../../../scripts/stack/serve.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { makeTrace, traceIdAt } from "../../_support/traces.ts";
import { makeFolder } from "./_support.ts";

const REF = "abcdefghijklmnopqrst";
const TOKEN = `sbp_${"a".repeat(40)}`;
const KEY = "sk-proj-abcdefghijklmnopqrstuvwx0123456789";

let stack: TestStack;
let management: Served;
let env: Record<string, string>;

beforeAll(async () => {
  stack = await startTestStack();
  management = await serve((request) => {
    const { pathname, search } = new URL(request.url);
    const knows = request.headers.get("authorization") === `Bearer ${TOKEN}`;
    if (!knows) return Promise.resolve(Response.json({ message: "Unauthorized" }, { status: 401 }));
    if (pathname + search !== `/v1/projects/${REF}/api-keys?reveal=true`) {
      return Promise.resolve(Response.json({ message: "no such project" }, { status: 404 }));
    }
    return Promise.resolve(Response.json([{ name: "service_role", api_key: stack.info.service_role_key }]));
  }, { port: 0 });
  env = {
    SUPABASE_PROJECT_REF: REF,
    SUPABASE_ACCESS_TOKEN: TOKEN,
    SUPABASE_API_URL: management.url,
    SUPABASE_PROJECT_URL: stack.info.api_url,
  };
});
afterAll(async () => {
  await management?.close();
  await stack?.end();
});

async function stored(over: Parameters<typeof makeTrace>[0]): Promise<string> {
  const trace = makeTrace(over);
  const response = await fetch(stack.info.functions["ingest"]!, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.info.ingest_key}`, "content-type": "application/json" },
    body: JSON.stringify([trace]),
  });
  expect(await response.json()).toMatchObject({ stored: 1 });
  return trace.trace_id;
}

const asked = (content: string) => ({
  steps: [{ name: "llm.answer", offset_ms: 1, duration_ms: 9, model: "m", input_tokens: 5, cost_microusd: 400 }],
  io: [{
    step: 1,
    request: JSON.stringify([{ role: "system", content: "Be kind." }, { role: "user", content }]),
    response: "Hi",
  }],
});

test("what a person wrote, in the index, with nothing that is secret; and not over another file", async () => {
  const { scenario, read } = makeFolder();
  const id = await stored({ pipeline: "support", ...asked(`It's "broken": 💔 # - {a}\nmy key is ${KEY}`) });
  const made = await scenario(["from", id, "from-ada"], env);
  expect(made).toMatchObject({ code: 0, complained: "" });
  expect(made.said).toMatch(
    new RegExp(`^Wrote .*from-ada\\.yaml from the project ${REF}\\. Read it before you commit it`),
  );
  const text = read("scenarios/from-ada.yaml");
  expect(text).toMatch(/^# yaml-language-server: \$schema=/);
  expect(parse(text)).toMatchObject({
    turns: [{ say: `It's "broken": 💔 # - {a}\nmy key is [secret]` }],
    expect: { steps: ["llm.answer"], max_cost_usd: 0.01 },
  });
  expect(read("scenarios/all.ts")).toContain('"name": "from-ada"');
  expect(made.said + text).not.toContain(KEY);
  expect(made.said).not.toContain(stack.info.service_role_key);
  expect(await scenario(["from", id, "from-ada"], env)).toMatchObject({
    code: 1,
    complained: expect.stringContaining("is there already"),
  });
});

test("of a trace whose text is not kept: it is told what is yet to be written, and where", async () => {
  const { scenario, shown } = makeFolder();
  expect(await scenario(["from", await stored({}), "no-text"], env)).toMatchObject({
    code: 0,
    said: expect.stringContaining("has all 1 scenarios"),
    complained: expect.stringContaining(`${shown("scenarios/no-text.yaml")}:6:10: turns[0].say still says TODO.`),
  });
});

test("its name is the pipeline's with the beginning of the id, whatever the pipeline is called", async () => {
  const { scenario } = makeFolder();
  const started_at = Date.now() - 5_000_000;
  const id = await stored({
    started_at,
    trace_id: traceIdAt(started_at),
    pipeline: `An Ünusual ${"long ".repeat(20)}`,
    ...asked("hi"),
  });
  const { code, said } = await scenario(["from", id], env);
  expect(code).toBe(0);
  const [, name] = /^Wrote .*\/(.*)\.yaml from/.exec(said)!;
  expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,39}$/);
  expect(name).toContain("long-");
  expect(name!.endsWith(`-${id.slice(0, 8)}`)).toBe(true);
});

test("what is wrong is said, and nothing is written", async () => {
  const folder = makeFolder();
  const started_at = Date.now() - 9_000_000;
  const ids = [await stored({ started_at }), await stored({ started_at })];
  const cases: [string[], Record<string, string>, string][] = [
    [["ffffffff"], env, "There is no trace ffffffff."],
    [["support"], env, "`support` is no trace id."],
    [["abc"], env, "`abc` is no trace id."],
    [[ids[0]!.slice(0, 12)], env, "More than one trace begins with"],
    [[ids[0]!, "A Name"], env, "`A Name` cannot be a scenario's name: that is 1 to 40"],
    [[ids[0]!, "smoke"], env, "`smoke` cannot be a scenario's name: all, dry, "],
    [
      [ids[0]!],
      { ...env, SUPABASE_ACCESS_TOKEN: `sbp_${"b".repeat(40)}` },
      "Supabase does not accept SUPABASE_ACCESS_TOKEN",
    ],
  ];
  for (const [args, settings, says] of cases) {
    const { code, complained } = await folder.scenario(["from", ...args], settings);
    expect([code, complained]).toEqual([1, expect.stringContaining(says)]);
    expect(complained).toMatch(/\n\nWhat to do: \S/);
  }
  expect(folder.has("scenarios/all.ts")).toBe(false);
});
