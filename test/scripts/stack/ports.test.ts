import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { choosePort, freePort } from "../../../scripts/stack/ports.ts";

async function listen(port: number, host = "127.0.0.1"): Promise<Server> {
  const server = createServer().listen(port, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return server;
}
const isFree = (port: number) => listen(port).then((server) => (server.close(), true), () => false);

const VARIABLES = { api: "STACK_API_PORT", db: "STACK_DB_PORT", telegram: "STACK_TELEGRAM_PORT" } as const;
const NAMES = Object.keys(VARIABLES) as (keyof typeof VARIABLES)[];
const PREFERRED = { api: 54321, db: 54322, telegram: 54325 };

test.each(NAMES)("%s: the port that its variable names", async (name) => {
  const port = await freePort();
  expect(await choosePort(name, { [VARIABLES[name]]: String(port) })).toBe(port);
});

test.each([["127.0.0.1"], ["0.0.0.0"], ["::"]])("a busy port, on %s, is named with its variable", async (host) => {
  const port = await freePort();
  await listen(port, host);
  for (const name of NAMES) {
    await expect(choosePort(name, { [VARIABLES[name]]: String(port) })).rejects.toMatchObject({
      name: "Failure",
      message: `Port ${port} (${VARIABLES[name]}) is in use.`,
      todo: expect.stringContaining(VARIABLES[name]),
    });
  }
});

test("0 is any free port", async () => {
  const port = await choosePort("api", { STACK_API_PORT: "0" });
  expect(Object.values(PREFERRED)).not.toContain(port);
  await listen(port);
});

test.each(NAMES)("%s: the preferred port, or another when it is busy", async (name) => {
  // Another stack may hold it, which makes it busy just as well.
  await listen(PREFERRED[name]).catch(() => {});
  const port = await choosePort(name, {});
  expect(port).not.toBe(PREFERRED[name]);
  expect(await isFree(port)).toBe(true);
});

test("a preferred port that another variable names is left to that one", async () => {
  expect(await choosePort("api", { STACK_DB_PORT: String(PREFERRED.api) })).not.toBe(PREFERRED.api);
});

test("two variables with one port", async () => {
  const port = String(await freePort());
  await expect(choosePort("db", { STACK_API_PORT: port, STACK_DB_PORT: port })).rejects.toThrow(
    `STACK_DB_PORT and STACK_API_PORT are both ${port}.`,
  );
});

test.each(["http", "70000", "-1", "1.5", "54321x", "NaN", "Infinity"])("%s is not a port", async (nonsense) => {
  await expect(choosePort("db", { STACK_DB_PORT: nonsense })).rejects.toMatchObject({
    name: "Failure",
    message: `STACK_DB_PORT=${nonsense} is not a port.`,
  });
});
