/** `npm run synthetic` in the test's own process: on scripted scenarios, and with a scripted person. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { SyntheticDb } from "../../../functions/_shared/synthetic_db.ts";
import { type Deps, main } from "../../../scripts/synthetic/main.ts";
import { aborted, scenario, type Script, scripted } from "../../functions/synthetic/suite/_support.ts";

/** Of each test its own. */
export let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "synthetic-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const SCENARIOS = [scenario("greets"), scenario("refund"), scenario("slow", { smoke: false })];

/** Runs that can be gone on with from here. */
export const tokens = () => readdirSync(join(dir, "tokens"));

type Typed = string | undefined;

export interface Options {
  scripts?: Record<string, Script>;
  env?: Record<string, string>;
  /** What the person types, or does before; left out: there is none. */
  types?: (Typed | (() => Promise<Typed>))[];
  /** Left out: there is none. */
  db?: SyntheticDb;
  load?: Deps["load"];
}

/** `main`, and all that can be seen of it. */
export function start(argv: string[], { scripts = {}, env = { KEY: "sk-secret" }, types, db, load }: Options = {}) {
  const interrupted = new AbortController();
  const seen = { out: "", err: "", asked: [] as string[], connected: 0 };
  const deps: Deps = {
    env,
    terminal: {
      out: (text) => void (seen.out += text),
      err: (text) => void (seen.err += text),
      interactive: types !== undefined,
      colours: false,
      columns: 80,
      async ask(question, signal) {
        seen.asked.push(question);
        if (types!.length === 0) return await aborted(signal).then(() => Promise.reject(new Error("aborted")));
        const typed = types!.shift();
        return typeof typed === "function" ? await typed() : typed;
      },
    },
    load: load ?? (() =>
      Promise.resolve({
        scenarios: SCENARIOS,
        bot: {
          create: () => Promise.reject(new Error("unused")),
          provider: (env) => {
            const apiKey = env("KEY");
            if (!apiKey) throw new Error("KEY is missing: the key that pays");
            return { baseUrl: "http://127.0.0.1:1", apiKey };
          },
        },
        recordingsDir: join(dir, "recordings"),
        runScenario: scripted(scripts),
      })),
    connect: () => {
      seen.connected++;
      return db ? Promise.resolve({ db, where: "a test" }) : Promise.reject(new Error("no database is here"));
    },
    tokensDir: join(dir, "tokens"),
    hide: () => {},
    signal: interrupted.signal,
  };
  return { seen, interrupt: () => interrupted.abort(), ended: main(argv, deps).then((code) => ({ code, ...seen })) };
}
