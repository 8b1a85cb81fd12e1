/** The real `supabase` CLI on a hosted project. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { supabaseEnv, supabaseProgram } from "../stack/deploy.ts";
import { Failure } from "../stack/failure.ts";
import type { Settings } from "./settings.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a program on this machine needs to reach the network. */
const NETWORK = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE"];

export class SupabaseCli {
  readonly #settings: Settings;
  readonly #signal: AbortSignal;
  readonly #home: string;

  /** `home`: an empty folder of our own. The CLI's own login and links play no part. */
  constructor(settings: Settings, home: string, signal: AbortSignal) {
    this.#settings = settings;
    this.#home = home;
    this.#signal = signal;
    mkdirSync(home, { recursive: true, mode: 0o700 });
  }

  /** Resolves to the migrations that were applied; with `dryRun` to those that would be. */
  async push({ dryRun }: { dryRun: boolean }): Promise<string[]> {
    const { url } = this.#settings.database;
    const where = url ? ["--db-url", url] : ["--project-ref", this.#settings.ref];
    const said = await this.#run(
      ["db", "push", "--yes", ...where, ...dryRun ? ["--dry-run"] : []],
      "Look at the database's password and address, and whether the project is paused in the dashboard. Without a network " +
        "with IPv6, set SUPABASE_DB_URL to the session pooler's address (dashboard, Connect).",
    );
    return [...new Set(said.match(/\b\d{14}_\w+\.sql\b/g) ?? [])];
  }

  async deployFunctions(names: readonly string[]): Promise<void> {
    await this.#run(
      ["functions", "deploy", ...names, "--use-api", "--project-ref", this.#settings.ref],
      "Run npm run deploy again; when it fails the same way, https://status.supabase.com says whether it is Supabase.",
    );
  }

  /** Values are the ones that `readSettings` let pass: without a quote or a line break. */
  async setSecrets(secrets: Record<string, string>): Promise<void> {
    const file = join(this.#home, "secrets.env");
    const lines = Object.entries(secrets).map(([name, value]) => `${name}='${value}'\n`);
    try {
      writeFileSync(file, lines.join(""), { mode: 0o600, flag: "wx" });
      await this.#run(
        ["secrets", "set", "--env-file", file, "--project-ref", this.#settings.ref],
        "Run npm run deploy again.",
      );
    } finally {
      rmSync(file, { force: true });
    }
  }

  async #run(args: string[], todo: string): Promise<string> {
    this.#signal.throwIfAborted();
    const { code, output } = await this.#spawn(args);
    this.#signal.throwIfAborted();
    if (code === 0) return output;
    // What it says at its end is why; before that it tells what it does.
    const tail = output.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(-6);
    throw new Failure(
      `supabase ${args[0]} ${args[1]} failed (exit code ${code}):\n${tail.map((line) => `  ${line}`).join("\n")}`,
      todo,
    );
  }

  #spawn(args: string[]): Promise<{ code: number; output: string }> {
    // A process group of its own: Ctrl-C reaches us, and we end it.
    const child = spawn(process.execPath, [supabaseProgram(), ...args, "--workdir", ROOT], {
      env: this.#env(),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => output += text);
    const end = (signal: NodeJS.Signals) => {
      try {
        process.kill(-child.pid!, signal);
      } catch {
        // It has ended.
      }
    };
    let killer: ReturnType<typeof setTimeout> | undefined;
    const abort = () => {
      end("SIGTERM");
      killer = setTimeout(() => end("SIGKILL"), 3000);
    };
    this.#signal.addEventListener("abort", abort, { once: true });
    return new Promise((resolve) => {
      child.once("error", (error) => resolve({ code: -1, output: error.message }));
      child.once("close", (code) => resolve({ code: code ?? -1, output }));
    }).finally(() => {
      clearTimeout(killer);
      this.#signal.removeEventListener("abort", abort);
    }) as Promise<{ code: number; output: string }>;
  }

  #env(): Record<string, string> {
    const { accessToken, database, hosted } = this.#settings;
    const network = NETWORK.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]!]]);
    return {
      ...supabaseEnv(this.#home),
      ...Object.fromEntries(network),
      NO_COLOR: "1",
      SUPABASE_NO_KEYRING: "1",
      SUPABASE_ACCESS_TOKEN: accessToken,
      SUPABASE_DB_PASSWORD: database.password,
      PGPASSWORD: database.password,
      ...!hosted && { SUPABASE_PROFILE: this.#profile() },
    };
  }

  /** The CLI's own way to call another management API. */
  #profile(): string {
    const { managementUrl, projectUrl } = this.#settings;
    const file = join(this.#home, "profile.yaml");
    const lines = [
      "name: other",
      `api_url: ${managementUrl}`,
      `dashboard_url: ${managementUrl}`,
      `project_host: ${new URL(projectUrl).hostname}`,
    ];
    writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
    return file;
  }
}
