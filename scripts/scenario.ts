/**
 * npm run scenario: writes scenarios of synthetic tests, and the index of them that runs.
 *
 * @module
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { run } from "./scenario/cli.ts";

if (existsSync(".env")) process.loadEnvFile(".env");
process.exitCode = await run(process.argv.slice(2), { say: console.log, complain: console.error, env: process.env });
