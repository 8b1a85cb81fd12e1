import { expect, test } from "vitest";
import { Generations } from "../../../../functions/synthetic/llm/generation.ts";
import { BASE_URL } from "./llm_fixture.ts";

const PAUSES = [0, 5, 5];

/** A provider that gives these answers, the last one for ever. */
function asking(...answers: (() => Response)[]) {
  const asked: string[] = [];
  const fetch = (url: string | URL | Request) => {
    asked.push(String(url));
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    return Promise.resolve().then(answer);
  };
  const provider = { baseUrl: `${BASE_URL}/`, apiKey: "sk-test" };
  return { asked, generations: new Generations(provider, fetch as typeof globalThis.fetch, PAUSES) };
}

const unknown = () => Response.json({ error: { message: "Not Found" } }, { status: 404 });
const away = (): Response => {
  throw new TypeError("fetch failed");
};
const tells = (data: object) => () => Response.json({ data });

test("it is asked until it knows", async () => {
  const data = { total_cost: 0.000123, native_tokens_prompt: 7, native_tokens_completion: 3 };
  const { asked, generations } = asking(unknown, away, tells(data));
  expect(await generations.ask("gen 1")).toEqual({ cost_microusd: 123, input_tokens: 7, output_tokens: 3 });
  expect(asked).toEqual(Array(3).fill(`${BASE_URL}/generation?id=gen%201`));
});

test("with a key of one's own, the maker's bill comes on top; what is no sum is not known", async () => {
  const own = asking(tells({ total_cost: 0.00001, is_byok: true, upstream_inference_cost: 0.0002 }));
  expect(await own.generations.ask("1")).toMatchObject({ cost_microusd: 210, input_tokens: null });
  const half = asking(tells({ total_cost: 0.00001, is_byok: true }));
  expect(await half.generations.ask("1")).toBeNull();
  const odd = asking(tells({ total_cost: -1 }));
  expect(await odd.generations.ask("1")).toBeNull();
});

test("a provider that never tells is asked once from then on; one that was out of reach as before", async () => {
  const never = asking(unknown);
  expect(await never.generations.ask("1")).toBeNull();
  expect(await never.generations.ask("2")).toBeNull();
  expect(never.asked.length).toBe(PAUSES.length + 1);
  const unreachable = asking(away);
  await unreachable.generations.ask("1");
  await unreachable.generations.ask("2");
  expect(unreachable.asked.length).toBe(2 * PAUSES.length);
});
