/** What the self-test of a deployment makes of a synthetic function that is not as it should be. */
import { expect, onTestFinished, test } from "vitest";
import { Project } from "../../../scripts/deploy/project.ts";
import type { SelfTest } from "../../../scripts/deploy/self_test.ts";
import { testSynthetic } from "../../../scripts/deploy/self_test_synthetic.ts";
import type { Settings } from "../../../scripts/deploy/settings.ts";
import { serve } from "../../../scripts/stack/serve.ts";

/** Tests a function that answers so. */
async function tested(get: () => Response, post: () => Response, { waitMs = 0, unpaid = null as string | null } = {}) {
  const posted: unknown[] = [];
  const server = await serve(async (request) => {
    if (new URL(request.url).pathname !== "/functions/v1/synthetic") return new Response(null, { status: 404 });
    if (request.method === "GET") return get();
    posted.push(await request.json());
    return post();
  }, { port: 0 });
  onTestFinished(() => server.close());
  const { signal } = new AbortController();
  const settings = { projectUrl: server.url, unpaid } as Settings;
  const project = new Project(settings, "key", signal);
  const outcome = await testSynthetic({ project, settings, waitMs, signal } as SelfTest, 10).catch((error: Error) =>
    error
  );
  return { outcome, posted };
}

const knows = (scenarios: number) => () => Response.json({ scenarios });
const says = (status: number, code: string) => () => Response.json({ code }, { status });

test("it knows its scenarios and refuses a run that nobody has confirmed", async () => {
  const { outcome, posted } = await tested(knows(10), says(401, "wrong_token"));
  expect(outcome).toEqual({ detail: "knows 10 scenarios, and refuses a forged run" });
  expect(posted).toEqual([{ run_id: expect.stringMatching(/^[0-9a-f-]{36}$/), token: expect.any(String) }]);
});

test("without a key it is said that nothing can be paid", async () => {
  const { outcome } = await tested(knows(10), says(401, "wrong_token"), { unpaid: "X is missing" });
  expect(outcome).toEqual({ detail: "knows 10 scenarios, and refuses a forged run; paid runs cannot: X is missing" });
});

test("the one before may answer for a while", async () => {
  let asked = 0;
  const { outcome } = await tested(() => asked++ < 2 ? knows(9)() : knows(10)(), says(401, "no"), { waitMs: 5000 });
  expect([outcome, asked]).toEqual([expect.objectContaining({ detail: expect.any(String) }), 3]);
});

test.for<[string, () => Response, () => Response, RegExp]>([
  ["no settings", says(503, "not_configured"), says(503, "not_configured"), /its 10 scenarios with 503 not_configured/],
  ["other scenarios", knows(9), says(401, "no"), /its 10 scenarios with 200 /],
  [
    "a function that runs whatever it is told",
    knows(10),
    says(202, "working"),
    /a run with a wrong token with 202 working/,
  ],
])("%s", async ([, get, post, message]) => {
  const { outcome } = await tested(get, post);
  expect(outcome).toMatchObject({
    name: "Failure",
    message: expect.stringMatching(message),
    todo: expect.stringContaining("synthetic, Logs"),
  });
});
