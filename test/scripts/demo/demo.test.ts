/** `npm run demo`, as a person would start it. */
import { vi } from "vitest";
import { freePort } from "../../../scripts/stack/ports.ts";
import { isAlive } from "../../../scripts/stack/processes.ts";
import { serve } from "../../../scripts/stack/serve.ts";
import { readState } from "../../../scripts/stack/state.ts";
import { demo, kill, NO_FOLDER, processesOf, stack, test as base, untilNone } from "../_support.ts";

// They mostly wait.
vi.setConfig({ testTimeout: 90_000, maxConcurrency: 3 });

/** With an endpoint that stands in for OpenRouter, and the variables that make the demo use it. */
// deno-lint-ignore no-empty-pattern -- vitest reads the fixtures that are asked for from the pattern
const test = base.extend("provider", async ({}, { onCleanup }) => {
  const calls: { path: string; authorization: string | null; model: string }[] = [];
  const server = await serve(async (request) => {
    const { model, messages } = await request.json();
    calls.push({ path: new URL(request.url).pathname, authorization: request.headers.get("authorization"), model });
    const content = messages[0].content.startsWith("Check") ? "ok" : "An answer.";
    return Response.json({ model, choices: [{ message: { content } }], usage: { prompt_tokens: 1 } });
  }, { port: 0 });
  onCleanup(() => server.close());
  const env = { OPENROUTER_API_KEY: "sk-test", OPENROUTER_BASE_URL: `${server.url}/api/v1`, OPENROUTER_MODEL: "m/x" };
  return { calls, env, url: server.url };
});

/** What the output shows for `/admin <words>`. */
const shownFor = (words: string, output: string): string =>
  new RegExp(`Ada writes /admin${words && ` ${words}`}, .*?╭─ Tracegram.*?\\n(.*?)╰`, "s").exec(output)![1]!;

/** Of the first page that the output shows: its rows, and the buttons that turn it. */
function pageIn(output: string) {
  const lines = shownFor("traces", output).split("\n");
  const rows = lines.filter((line) => /^│ \d+ [✅❌]/u.test(line));
  return { rows, buttons: lines.find((line) => line.includes("[ Page "))! };
}

test.concurrent(
  "--once: the whole way of the traces, the first page, exit code 0, nothing left",
  async ({ folder, expect }) => {
    const { code, output } = await demo(folder, ["--once"]).ended;
    expect(output).toMatch(/Example bot: (\d+) of \1 messages answered\nTraces delivered: \1\n/);
    expect(shownFor("", output)).toMatch(/^│ Runs +\d+/m);
    expect(shownFor("errors", output)).toContain("× support");
    const { rows, buttons } = pageIn(output);
    expect(rows).toHaveLength(10);
    expect(rows.some((row) => row.includes("✅ support"))).toBe(true);
    expect(rows.some((row) => row.includes("❌ support"))).toBe(true);
    expect(buttons).toMatch(/^│ \[ Page 1\/5 \] \[ Next/);
    expect(code).toBe(0);
    expect(processesOf(folder.dir)).toEqual([]);
    expect(readState(folder.dir)).toBeUndefined();
  },
);

test.concurrent("with OPENROUTER_API_KEY: that endpoint, for the first conversations only; the page; Ctrl-C", async ({ folder, provider: { calls, env, url }, expect }) => {
  const running = demo(folder, [], env);
  const [, address] = await running.shows(/Open (http:\/\/127\.0\.0\.1:\d+) in a browser/);
  expect(running.output()).toContain(`LLM: m/x at ${new URL(url).host}, paid with your key, 2 conversations.`);
  expect(pageIn(running.output()).rows.filter((row) => row.includes("✅ support"))).toHaveLength(6);
  // 7 messages, of which one is /start; each of the others is three calls.
  expect(calls).toHaveLength(18);
  for (const call of calls) {
    expect(call).toEqual({ path: "/api/v1/chat/completions", authorization: "Bearer sk-test", model: "m/x" });
  }

  const page = await fetch(address!);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
  const chats = await (await fetch(`${address}/client/chats`)).json();
  expect(chats.length).toBeGreaterThanOrEqual(3);

  running.signal("SIGINT");
  expect((await running.ended).code).toBe(0);
  expect(processesOf(folder.dir)).toEqual([]);
  expect(readState(folder.dir)).toBeUndefined();
});

test.concurrent("killed, its stack ends with it", async ({ folder, provider, expect }) => {
  const running = demo(folder, [], provider.env);
  await running.shows(/paid with your key/); // the stack is up, the conversations begin
  expect(processesOf(folder.dir).length).toBeGreaterThan(4);
  kill(running.pid);
  expect(await untilNone(folder.dir)).toEqual([]);
  expect(readState(folder.dir)).toBeUndefined();
});

test.concurrent("interrupted while its stack starts, it leaves nothing", async ({ folder, expect }) => {
  const starting = demo(folder, ["--once"]);
  await starting.shows(/functions: starting/);
  starting.signal("SIGINT");
  const { code, output } = await starting.ended;
  expect(code, output).toBe(130);
  expect(processesOf(folder.dir)).toEqual([]);
  expect(readState(folder.dir)).toBeUndefined();
});

test.concurrent("a stack that runs is used, and goes on; an LLM that fails each time, or a dead part, is exit code 1", async ({ folder, expect }) => {
  expect((await stack(folder, ["up"]).ended).code).toBe(0);
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const env = { OPENROUTER_API_KEY: "sk-test", OPENROUTER_BASE_URL: nowhere };
  const { code, output } = await demo(folder, ["--once"], env).ended;
  expect(output).toMatch(/^Using the stack that is running\./);
  // The traces of it came all the way.
  expect(pageIn(output).rows.filter((row) => row.includes("❌ support"))).toHaveLength(6);
  expect(output).toMatch(
    /The LLM failed for each of 6 messages\.\nThe traces above say how\. Check OPENROUTER_API_KEY/,
  );
  expect(code).toBe(1);

  const state = readState(folder.dir)!;
  expect([state.owner, ...state.parts].every(isAlive)).toBe(true);
  const ingest = state.parts.find(({ name }) => name === "function ingest")!;
  kill(ingest.pid);
  await expect.poll(() => isAlive(ingest)).toBe(false);
  const broken = await demo(folder, ["--once"], env).ended;
  expect(broken.output).toContain("function ingest has ended.\nRepair it: npm run stack -- up");
  expect(broken.code).toBe(1);
});

test.concurrent.for<[string[], number]>([[["--help"], 0], [["--twice"], 2]])(
  "demo %j shows the help, exit code %i",
  async ([args, expected], { expect }) => {
    const { code, output } = await demo(NO_FOLDER, args).ended;
    expect([code, output]).toEqual([expected, expect.stringContaining("npm run demo -- --once")]);
  },
);
