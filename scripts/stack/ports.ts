/** Ports on 127.0.0.1. */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { Failure } from "./failure.ts";
import type { Settings } from "./settings.ts";

/** Which variable asks for which port, and what is tried first without it. */
const PORTS = {
  api: { variable: "STACK_API_PORT", preferred: 54321 },
  db: { variable: "STACK_DB_PORT", preferred: 54322 },
  telegram: { variable: "STACK_TELEGRAM_PORT", preferred: 54325 },
} as const;

/**
 * The port that the variable names, 0 for any; without it the preferred one, or else any that is free.
 *
 * @throws {Failure} when the variable names a port that is busy or that another variable names too, or none at all.
 */
export async function choosePort(name: keyof typeof PORTS, env: Settings): Promise<number> {
  const { variable, preferred } = PORTS[name];
  const wanted = env[variable];
  const others = Object.values(PORTS).filter((other) => other.variable !== variable);
  if (!wanted) {
    const spoken = others.some((other) => Number(env[other.variable]) === preferred);
    return !spoken && await isFree(preferred) ? preferred : freePort();
  }
  const port = Number(wanted);
  if (port === 0) return freePort();
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Failure(`${variable}=${wanted} is not a port.`, `Set ${variable} to 0..65535, or leave it unset.`);
  }
  const twin = others.find((other) => Number(env[other.variable]) === port);
  if (twin) {
    throw new Failure(`${variable} and ${twin.variable} are both ${port}.`, "Set one of them to another port.");
  }
  const refusal = await refusalOf(port);
  if (refusal) {
    const why = refusal === "EACCES" ? "may not be opened by this user" : "is in use";
    throw new Failure(`Port ${port} (${variable}) ${why}.`, `Set ${variable} to another port, or leave it unset.`);
  }
  return port;
}

/** Below the range from which the kernel takes ports for outgoing connections, which would come in between. */
const RANGE = { from: 20_000, to: 32_000 };

/**
 * A port that is free, and that no other process of ours will take: until this process ends, its twin in UDP, which nobody
 * uses, marks it as taken.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(RANGE.from, RANGE.to);
    if (await mark(port) && await isFree(port)) return port;
  }
}

function mark(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4").unref();
    socket.once("error", () => socket.close(() => resolve(false)));
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(true));
  });
}

const isFree = async (port: number): Promise<boolean> => await refusalOf(port) === undefined;

/** Why the port cannot be listened on, such as EADDRINUSE; undefined when it can. */
function refusalOf(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
}
