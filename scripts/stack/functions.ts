/**
 * The edge functions, each in a Deno of its own, as `supabase/config.toml` names them.
 *
 * Supabase calls `Deno.serve` with no address; `DENO_SERVE_ADDRESS` supplies ours, so the code is the same in both places.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { type Child, startChild, untilReady } from "./children.ts";
import { Failure } from "./failure.ts";
import { freePort } from "./ports.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface EdgeFunction {
  name: string;
  entrypoint: string;
  verifyJwt: boolean;
}

/** The functions of `supabase/config.toml` that are enabled. */
export function edgeFunctions(): EdgeFunction[] {
  const config = parse(readFileSync(join(ROOT, "supabase/config.toml"), "utf8")) as {
    functions?: Record<string, { enabled?: boolean; verify_jwt?: boolean; entrypoint?: string }>;
  };
  return Object.entries(config.functions ?? {})
    .filter(([, fn]) => fn.enabled !== false)
    .map(([name, fn]) => ({
      name,
      entrypoint: join(ROOT, "supabase", fn.entrypoint ?? `functions/${name}/index.ts`),
      verifyJwt: fn.verify_jwt ?? true,
    }));
}

export interface RunningFunction extends EdgeFunction {
  child: Child;
  port: number;
}

/** Starts a function and waits until it listens. `env` is all that it can read. */
export async function startFunction(
  fn: EdgeFunction,
  env: Record<string, string>,
  { log, cache }: { log: string; cache: string },
): Promise<RunningFunction> {
  const port = await freePort();
  const child = startChild({
    name: `function ${fn.name}`,
    command: [
      denoProgram(),
      "run",
      "--no-prompt",
      "--allow-net",
      "--allow-env",
      "--allow-read",
      "--allow-sys",
      fn.entrypoint,
    ],
    env: { ...env, DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`, DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1" },
    log,
  });
  await untilReady(child, () => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.body?.cancel()));
  return { ...fn, child, port };
}

/** Deno's own program: the one in node_modules/.bin is a wrapper, and ending that would leave Deno running. */
export function denoProgram(): string {
  try {
    const require = createRequire(import.meta.url);
    return createRequire(require.resolve("deno/package.json")).resolve(`@deno/linux-x64-glibc/deno`);
  } catch (error) {
    throw new Failure("Deno is not installed.", "Run `npm ci` again, without --omit=optional.", error);
  }
}
