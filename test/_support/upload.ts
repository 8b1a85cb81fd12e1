/** Functions as they were uploaded, run by the real Deno from those files and nothing else of this repository. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild, untilReady } from "../../scripts/stack/children.ts";
import { denoProgram } from "../../scripts/stack/functions.ts";
import { freePort } from "../../scripts/stack/ports.ts";
import { STACK_DIR } from "../../scripts/stack/stack.ts";
import type { UploadedFunction } from "./management.ts";

/** Hosted Supabase fetches packages from npm's registry; here they are the ones that are installed. */
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

export interface RunningUpload {
  child: Child;
  port: number;
  verifyJwt: boolean;
  stop(): Promise<void>;
}

/** Starts a function in a folder of its own. `env` is all that it can read, and its folder all of the disk. */
export async function runUpload(
  fn: UploadedFunction,
  env: Record<string, string>,
  log: string,
): Promise<RunningUpload> {
  const dir = mkdtempSync(join(tmpdir(), "upload-"));
  for (const [path, content] of fn.files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  const importMap = readFileSync(join(dir, fn.importMapPath), "utf8");
  const packages = [...importMap.matchAll(/npm:\/?((?:@[\w.-]+\/)?[\w.-]+)@([\w.-]+)/g)].map((
    [, name, version],
  ) => [name, version]);
  writeFileSync(join(dir, "package.json"), JSON.stringify({ dependencies: Object.fromEntries(packages) }));
  writeFileSync(
    join(dir, "deno.json"),
    JSON.stringify({ nodeModulesDir: "manual", importMap: `./${fn.importMapPath}`, lock: false }),
  );
  symlinkSync(NODE_MODULES, join(dir, "node_modules"));

  const port = await freePort();
  const child = startChild({
    name: `function ${fn.slug}`,
    command: [
      denoProgram(),
      "run",
      "--no-prompt",
      "--cached-only",
      "--allow-net",
      "--allow-env",
      `--allow-read=${dir},${NODE_MODULES}`,
      "--allow-sys",
      join(dir, fn.entrypointPath),
    ],
    env: {
      ...env,
      DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
      DENO_DIR: join(STACK_DIR, "deno"),
      DENO_NO_UPDATE_CHECK: "1",
    },
    log,
  });
  const stop = async () => {
    await child.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await untilReady(child, () => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.body?.cancel()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { child, port, verifyJwt: fn.verifyJwt, stop };
}
