// The ingest function while its database is away. Each test leaves the stack whole.
import { afterAll, beforeAll, expect, test } from "vitest";
import { endStack, type Return, stopPostgres, stopPostgrest } from "../../_support/outage.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { makeTrace } from "../../_support/traces.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => endStack(stack));

test.each<[string, (stack: TestStack) => Promise<Return>]>([
  ["PostgREST", stopPostgrest],
  ["Postgres", stopPostgres],
])("without %s a batch is refused for another try, which is stored once it is back", async (_, stop) => {
  const batch = JSON.stringify([makeTrace()]);
  const post = () =>
    fetch(stack.info.functions["ingest"]!, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.info.ingest_key}`, "content-type": "application/json" },
      body: batch,
    });

  const start = await stop(stack);
  const refused = await post();
  const problem = await refused.json();
  await start();

  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(problem).toEqual({
    code: "unavailable",
    message: expect.stringMatching(/\S/),
    hint: expect.stringMatching(/again/),
  });
  // PostgREST finds its database again with a back-off of its own.
  await expect.poll(async () => (await post()).json(), { timeout: 20_000 }).toMatchObject({ rejected: 0 });
});
