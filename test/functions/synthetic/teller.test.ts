import { expect, test } from "vitest";
import { openTeller } from "../../../functions/synthetic/teller.ts";
import { sleep } from "./suite/_support.ts";

function teller(answers: (boolean | Error)[] = []) {
  const posts: number[] = [];
  const began = performance.now();
  const post = () => {
    posts.push(performance.now() - began);
    const answer = answers.shift() ?? true;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { posts, ...openTeller({ post, everyMs: 60 }) };
}

test("the first change is told at once, others at most once in a while, the last one at the end", async () => {
  const { posts, tell, close } = teller();
  tell();
  expect(posts.length).toBe(1);
  for (let i = 0; i < 10; i++) {
    tell();
    await sleep(2);
  }
  expect(posts.length).toBe(1);
  await sleep(60);
  expect(posts.length).toBe(2);
  expect(posts[1]! - posts[0]!).toBeGreaterThanOrEqual(55);
  await sleep(80);
  expect(posts.length).toBe(2);
  await close();
  expect(posts.length).toBe(3);
});

test("the end is told until it is heard, three times at most", async () => {
  const deaf = teller([new Error("away"), false, true]);
  await deaf.close();
  expect(deaf.posts.length).toBe(3);
  const dead = teller([false, false, false, false]);
  await dead.close();
  expect(dead.posts.length).toBe(3);
});

test("who hears nothing of a change hears of the next one, and nothing is told after the end", async () => {
  const { posts, tell, close } = teller([new Error("away")]);
  tell();
  await close();
  tell();
  await sleep(80);
  expect(posts.length).toBe(2);
});
