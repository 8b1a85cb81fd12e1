/** What the real CLI uploads, and how strict the stand-in for the management API is about it. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { supabaseEnv, supabaseProgram } from "../../../scripts/stack/deploy.ts";
import { serve } from "../../../scripts/stack/serve.ts";
import { createManagement, type Management } from "../../_support/management.ts";
import { runUpload } from "../../_support/upload.ts";

const REF = "abcdefghijklmnopqrst";
const TOKEN = `sbp_${"a".repeat(40)}`;

const PROJECT = {
  "supabase/config.toml": `project_id = "x"
[functions.x]
verify_jwt = true
entrypoint = "../functions/x/index.ts"
import_map = "../functions/import_map.json"
static_files = ["../functions/x/assets/*.txt"]
`,
  "functions/import_map.json": `{ "imports": {} }`,
  "functions/x/index.ts": `import { part } from "../../shared/part.ts";
import data from "../data/recorded.json" with { type: "json" };
const { late } = await import("./late.ts");
const read = (name: string) => Deno.readTextFile(new URL(name, import.meta.url)).catch((error) => error.name);
Deno.serve(async () => Response.json([part, late, data, await read("assets/named.txt"), await read("assets/not.bin"), Deno.env.get("A")]));
`,
  "functions/x/late.ts": `export const late = "imported late";`,
  "functions/data/recorded.json": `["recorded"]`,
  "functions/x/assets/named.txt": "named in static_files",
  "functions/x/assets/not.bin": "not named",
  "shared/part.ts": `export const part = "of another folder";`,
};

const management = () =>
  createManagement({ ref: REF, accessToken: TOKEN, serviceRoleKey: "key", changed: () => Promise.resolve() });

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "upload-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("modules, also those imported late or of JSON, and static files are uploaded by their paths, and run from there", async () => {
  const dir = folder();
  for (const [path, content] of Object.entries(PROJECT)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  const api = management();
  const server = await serve((request) => api.handle(request), { port: 0 });
  onTestFinished(() => server.close());
  const profile = join(dir, "profile.yaml");
  writeFileSync(profile, `name: x\napi_url: ${server.url}\ndashboard_url: ${server.url}\nproject_host: localhost\n`);
  const args = [supabaseProgram(), "functions", "deploy", "x", "--use-api", "--project-ref", REF, "--workdir", dir];
  const env = { ...supabaseEnv(dir), SUPABASE_PROFILE: profile, SUPABASE_ACCESS_TOKEN: TOKEN };
  await promisify(execFile)(process.execPath, args, { env });

  const { files, ...uploaded } = api.functions.get("x")!;
  expect(uploaded).toEqual({
    slug: "x",
    version: 1,
    entrypointPath: "functions/x/index.ts",
    importMapPath: "functions/import_map.json",
    verifyJwt: true,
    staticPatterns: ["functions/x/assets/*.txt"],
  });
  expect([...files.keys()].sort()).toEqual([
    "functions/data/recorded.json",
    "functions/import_map.json",
    "functions/x/assets/named.txt",
    "functions/x/index.ts",
    "functions/x/late.ts",
    "shared/part.ts",
  ]);

  const running = await runUpload(api.functions.get("x")!, { A: "set" }, join(dir, "x.log"));
  onTestFinished(() => running.stop());
  const answer = await fetch(`http://127.0.0.1:${running.port}/`);
  expect(await answer.json()).toEqual([
    "of another folder",
    "imported late",
    ["recorded"],
    "named in static_files",
    "NotFound",
    "set",
  ]);
});

const METADATA = {
  name: "x",
  entrypoint_path: "a/index.ts",
  import_map_path: "a/map.json",
  static_patterns: [],
  verify_jwt: false,
};

function upload(api: Management, over: object = {}, names = ["a/index.ts", "a/map.json"]): Promise<Response> {
  const body = new FormData();
  for (const name of names) body.append("file", new Blob(["{}"]), name);
  body.append("metadata", JSON.stringify({ ...METADATA, ...over }));
  return call(api, "POST", "/functions/deploy?slug=x", body);
}

function call(api: Management, method: string, path: string, body?: BodyInit, token = TOKEN): Promise<Response> {
  const url = `https://api.example.com/v1/projects/${REF}${path}`;
  return api.handle(new Request(url, { method, headers: { authorization: `Bearer ${token}` }, ...(body && { body }) }));
}

test("the stand-in takes an upload, and only one that it fully understands", async () => {
  const api = management();
  expect((await upload(api)).status).toBe(201);
  expect([...api.functions.keys()]).toEqual(["x"]);
  for (
    const [over, names] of [
      [{ name: "y" }],
      [{ verify_jwt: undefined }],
      [{ static_patterns: undefined }],
      [{ entrypoint_path: "b/index.ts" }],
      [{ import_map_path: undefined }],
      [{ surprise: 1 }],
      [{}, ["a/index.ts", "a/map.json", "../../etc/passwd"]],
      [{}, ["a/index.ts", "a/map.json", "/etc/passwd"]],
      [{}, ["a/index.ts", "a/map.json", "a/map.json"]],
    ] as [object, string[]?][]
  ) expect((await upload(api, over, names)).status, JSON.stringify([over, names])).toBe(400);
  expect(api.functions.get("x")!.version).toBe(1);
});

test("and refuses other callers, projects, paths and secrets", async () => {
  const api = management();
  const secrets = (list: object[]) => call(api, "POST", "/secrets", JSON.stringify(list));
  expect((await call(api, "GET", "", undefined, "sbp_other")).status).toBe(401);
  expect((await call(api, "GET", "x")).status).toBe(404);
  expect((await call(api, "GET", "/elsewhere")).status).toBe(404);
  expect((await secrets([{ name: "A", value: "1" }, { name: "SUPABASE_URL", value: "1" }])).status).toBe(400);
  expect((await secrets([{ name: "A", value: "" }])).status).toBe(400);
  expect(api.secrets.size).toBe(0);
  expect((await secrets([{ name: "A", value: "1" }])).status).toBe(201);
  expect(await (await call(api, "GET", "/secrets")).json()).toMatchObject([
    { name: "A", value: "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b" },
  ]);
});
