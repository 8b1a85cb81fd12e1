import { expect, test } from "vitest";
import { Files } from "../../../../functions/synthetic/telegram/files.ts";

test("beyond 100 MB in all, the oldest contents are forgotten, not their documents", async () => {
  const files = new Files();
  const add = () => files.add(new File([new Uint8Array(40_000_000)], "a"));
  const documents = [await add(), await add(), await add()];
  expect(documents.map(({ file_id }) => files.content(file_id)?.content.length)).toEqual([
    undefined,
    40_000_000,
    40_000_000,
  ]);
  expect(files.document(documents[0]!.file_id)).toEqual(documents[0]);
});
