import { expect, test } from "vitest";
import { maskAnswer } from "../../../../functions/synthetic/llm/mask_answer.ts";
import { maskJson } from "../../../../functions/synthetic/llm/masking.ts";
import { formatRecordings } from "../../../_support/recordings.ts";
import { ask, KEY, open, said, streamed } from "./llm_fixture.ts";

const CANARIES = [
  "sk-proj-C4naryC4naryC4naryC4nary1234",
  "ghp_C4naryC4naryC4naryC4naryC4nary123456",
  "canary.person@example.com",
  "4111 1111 1111 1111",
  "+49 170 9876543",
];
const TOOL = { type: "function" as const, function: { name: "login", parameters: { type: "object" } } };
const leaked = (text: string) => [...CANARIES, KEY, "hunter2C4nary"].filter((canary) => text.includes(canary));

test("secrets of prompts, headers and answers, streamed or not, reach neither recordings nor the journal", async () => {
  const text = `I have noted: ${CANARIES.join(" and ")}. The key is ${KEY}.`;
  const tool_calls = [{ id: "call_1", name: "login", arguments: `{"password":"hunter2C4nary","user":"me"}` }];
  const live = open({}, { made: { answer: () => ({ text, tool_calls }) } });
  const question = `My data: ${CANARIES.join(", ")}`;
  const more = { tools: [TOOL], max_tokens: 500 };
  const answers = async (openai: typeof live.openai) => [
    await said(openai, question, more),
    await streamed(openai, question, more),
  ];
  // The bot gets what was said.
  expect(await answers(live.openai)).toEqual([text, text]);
  await live.llm.settled();
  const kept = formatRecordings(live.recordings.all());
  const journal = JSON.stringify(live.ledger.ends);
  expect([leaked(kept), leaked(journal)]).toEqual([[], []]);
  expect(kept).toContain("[email]");
  expect(kept).not.toMatch(/authorization|Bearer/i);
  expect(live.recordings.all().length).toBe(2);

  // The key is that of the masked request: a replay finds it, and says the rest as it was.
  const replayed = open({ mode: "replay" }, { recorded: live.recordings.all() });
  const [plain, stream] = await answers(replayed.openai);
  expect(plain).toBe(stream);
  expect(plain).toMatch(
    /^I have noted: \[secret\] and \[secret\] and \[email\] and \[card\] and \[phone\]\. The key is /,
  );
  expect(replayed.llm.failures).toEqual([]);
});

test("a key of a few letters, as a provider of one's own may have, is no secret", async () => {
  const { llm, recordings } = open({
    provider: { baseUrl: "https://llm.test/api/v1", apiKey: "none" },
    fetch: () => Promise.resolve(Response.json({ choices: [{ message: { content: "There are none." } }] })),
  });
  await llm.fetch(`${llm.baseUrl}/chat/completions`, { method: "POST", body: JSON.stringify(ask("?")) });
  await llm.settled();
  expect(recordings.all()[0]!.chunks[0]!.text).toContain("There are none.");
});

test("the bot never has the provider's key", () => {
  expect(JSON.stringify(open().llm)).not.toContain(KEY);
});

test("a stream with a secret in many pieces keeps all events, and the text around it in its own", () => {
  const pieces = ["Your key: ", "sk-pr", "oj-C4nary", "C4naryC4nary", "C4nary1234", ", keep", " it."];
  const chunks = pieces.map((content, ms) => ({
    ms,
    text: `data: ${
      JSON.stringify({ choices: [{ index: 0, delta: { content }, logprobs: { content: [content] } }] })
    }\n\n`,
  }));
  const masked = maskAnswer(chunks, "text/event-stream");
  expect(masked.map(({ ms }) => ms)).toEqual(chunks.map(({ ms }) => ms));
  const events = masked.map(({ text }) => JSON.parse(text.slice(6)).choices[0]);
  expect(events.map(({ delta }) => delta.content)).toEqual(["Your key: ", "[secret]", "", "", "", ", keep", " it."]);
  expect(events.every(({ logprobs }) => logprobs === null)).toBe(true);
});

test("streams without secrets stay as they came, wherever their chunks are cut", () => {
  const text =
    `: alive\r\n\r\nevent: x\r\ndata: {"a" : 1}\r\n\r\ndata: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n`;
  const chunks = [...text].map((text, ms) => ({ ms, text }));
  expect(maskAnswer(chunks, "text/event-stream")).toEqual(chunks);
  // With one, only its event changes.
  const secret = text.replace("Hi", CANARIES[0]!);
  const masked = maskAnswer([...secret].map((text, ms) => ({ ms, text })), "text/event-stream");
  expect(masked.map(({ text }) => text).join("")).toBe(text.replace("Hi", "[secret]"));
});

test("JSON stays JSON, whatever is masked in it", () => {
  const value = {
    phone: 79991234567,
    password: "hunter2C4nary",
    card: 4111111111111111,
    deep: [{ text: "call me: +49 170 9876543", max_tokens: 100 }],
    nul: "a\0b",
  };
  expect(maskJson(value)).toEqual({
    phone: "[secret]",
    password: "[secret]",
    card: "[secret]",
    deep: [{ text: "call me: [phone]", max_tokens: 100 }],
    nul: "a\uFFFDb",
  });
  const plain = ask("Where is my parcel?", { tools: [TOOL], temperature: 0.123456789012 });
  expect(maskJson(plain)).toEqual(plain);
});
