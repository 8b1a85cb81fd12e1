import { expect, test } from "vitest";
import { RpcError } from "../../../../functions/_shared/errors.ts";
import { failureScreen } from "../../../../functions/telegram/screens/failure.ts";
import { shown } from "../traces_fixture.ts";

const rpc = (code: string, status: number) => new RpcError({ code, message: "secret internals <b>" }, status);

test.each([
  ["a database that is away", rpc("", 0), "The database did not answer."],
  ["a query that took too long", rpc("57014", 500), "The database did not answer."],
  ["a missing function", rpc("PGRST202", 404), "The database lacks a function that this screen needs."],
  ["a refused key", rpc("PGRST301", 401), "The database refused the key of the telegram function."],
  ["a missing grant", rpc("42501", 403), "The database refused the key of the telegram function."],
  ["any other error", rpc("22P02", 400), "The database reported an error (22P02)."],
  ["a mistake of ours", new TypeError("x is undefined"), "This screen could not be shown."],
])("%s", (_, error, headline) => {
  const screen = failureScreen(error, { screen: "traces" });
  const [first, advice, button] = shown(screen).split("\n");
  expect(first).toBe(headline);
  expect(advice).not.toMatch(/internals|undefined/);
  expect(button).toBe("[🔄 Try again] [🏠]");
  expect(screen.keyboard[0]![0]!.action).toEqual({ screen: "traces" });
});
