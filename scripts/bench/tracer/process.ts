/**
 * Contenders as processes: bundled as an app's bundler would, without the traces that tsx leaves in functions, and run by a
 * Node that is given the code on stdin, in the folder whose packages it may import.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

export interface Program<Demand, Answer> {
  ask(demand: Demand): Promise<Answer>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * The code of a module, with all of this project's that it imports.
 *
 * @param instead Modules that take the place of others, but in their own imports.
 */
export async function bundle(module: URL, instead: { of: URL; is: URL }[] = []): Promise<string> {
  const replacing: Plugin = {
    name: "instead",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path, resolveDir, importer }) => {
        const file = resolve(resolveDir, path);
        const other = instead.find(({ of, is }) => fileURLToPath(of) === file && fileURLToPath(is) !== importer);
        return other && { path: fileURLToPath(other.is) };
      });
    },
  };
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(module)],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    packages: "external",
    plugins: [replacing],
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

/** Starts it. It answers each message with one, and ends when we are gone. */
export function start<Demand extends object, Answer>(
  name: string,
  code: string,
  { cwd, flags = [], env = {} }: { cwd: string; flags?: string[]; env?: Record<string, string> },
): Program<Demand, Answer> {
  const child = spawn(process.execPath, [...flags, "--input-type=module"], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr!.on("data", (chunk) => said = (said + chunk).slice(-2000));
  child.stdin!.end(code);
  // Not "close", which does not come when it was us who disconnected.
  const ended = once(child, "exit");
  const failed = ended.then(([code, signal]) => {
    throw new Error(`${name} ended (${signal ?? code}): ${said}`);
  });
  failed.catch(() => {});
  return {
    async ask(demand) {
      child.send(demand);
      const [answer] = await Promise.race([once(child, "message"), failed]);
      return answer as Answer;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
