import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { currentPackage } from "./test/_support/package.ts";

const TRACER = fileURLToPath(new URL("tracer", import.meta.url));

/** Whatever imports a module of `tracer/` gets the one of the package instead. */
const built: Plugin = {
  name: "built",
  enforce: "pre",
  resolveId(source, importer = "") {
    const module = relative(TRACER, resolve(dirname(importer), source));
    if (!source.endsWith(".ts") || module.startsWith("..")) return;
    return join(currentPackage().dir, "dist", module.replace(/\.ts$/, ".js"));
  },
};

const PACKAGE = ["test/package.test.ts", "test/nodes/*.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "source",
          include: ["test/**/*.test.ts"],
          exclude: PACKAGE,
          globalSetup: ["test/_support/global.ts"],
        },
      },
      {
        // The package as it would be published, and on it the tests of the source once more; but for those that start
        // processes, which load the source (test/nodes does the like), or a stack.
        extends: true,
        plugins: [built],
        test: {
          name: "package",
          include: [...PACKAGE, "test/tracer/**/*.test.ts"],
          exclude: ["exit", "openai_runtimes", "spool_crash", "supabase"].map((name) => `test/tracer/${name}.test.ts`),
          globalSetup: ["test/_support/package.ts"],
          setupFiles: ["test/_support/fresh_package.ts"],
        },
      },
    ],
    // Whatever depends on an order, or on a file that ran before, is found by chance rather than never.
    sequence: { shuffle: true },
    pool: "forks",
    // Much of the time is waiting for other programs; the default would be one worker on two cores.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A failing test names itself; a passing one has nothing to say, unless it is very slow.
    slowTestThreshold: 10_000,
    reporters: ["default"],
    silent: "passed-only",
  },
});
