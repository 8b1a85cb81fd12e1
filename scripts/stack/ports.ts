/** Ports on 127.0.0.1. */
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
  if (!await isFree(port)) {
    throw new Failure(`Port ${port} (${variable}) is in use.`, `Set ${variable} to another port, or leave it unset.`);
  }
  return port;
}

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> => listen(0);

const isFree = (port: number) => listen(port).then(() => true, () => false);

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject).listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : port));
    });
  });
}
