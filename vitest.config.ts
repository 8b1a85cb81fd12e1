import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/_support/global.ts"],
    // Whatever depends on an order, or on a file that ran before, is found by chance rather than never.
    sequence: { shuffle: true },
    pool: "forks",
    // Much of the time is waiting for other programs; the default would be one worker on two cores.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A failing test names itself; a passing one has nothing to say, unless it is very slow.
    slowTestThreshold: 10_000,
    reporters: ["default"],
    silent: "passed-only",
  },
});
