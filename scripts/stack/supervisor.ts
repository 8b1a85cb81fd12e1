/**
 * The process behind `npm run stack -- up`: starts the stack, tells the starter how it goes, and holds it until a signal.
 *
 * @module
 */
import process from "node:process";
import { Failure } from "./failure.ts";
import { readSettings } from "./settings.ts";
import { stackDir, startStack } from "./stack.ts";
import { claimStack, noteStack, releaseStack } from "./state.ts";

export type SupervisorMessage =
  | { say: string }
  | { ready: true }
  | { failed: { message: string; todo?: string } };

const DIR = stackDir();

const tell = (message: SupervisorMessage) => {
  if (process.connected) process.send?.(message);
};
const asked = new Promise<void>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => resolve());
  // The starter's only message says that it has heard us and leaves us running. Gone without it, it was interrupted.
  let kept = false;
  process.once("message", () => kept = true);
  process.once("disconnect", () => kept || resolve());
  if (!process.connected) resolve();
});

try {
  const env = readSettings(process.env);
  await claimStack(DIR, "npm run stack -- up", env);
  const stack = await startStack({ dir: DIR, env, alerts: true, say: (line) => tell({ say: line }) });
  noteStack(DIR, stack);
  tell({ ready: true });
  for (const child of stack.children) {
    void child.ended.then((why) => console.log(new Date().toISOString(), `${child.name} ended: ${why}`));
  }
  await asked;
  await stack.stop();
} catch (error) {
  console.error(error);
  tell({
    failed: error instanceof Failure
      ? { message: error.message, todo: error.todo }
      : { message: error instanceof Error ? error.message : String(error) },
  });
  process.exitCode = 1;
} finally {
  releaseStack(DIR);
  if (process.connected) process.disconnect();
}
