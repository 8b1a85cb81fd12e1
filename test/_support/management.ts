/**
 * Supabase's management API, as far as `supabase functions deploy --use-api`, `supabase secrets set` and `npm run deploy` call it,
 * and stricter than it needs to be: what it would not understand it refuses.
 *
 * @module
 */
import { createHash } from "node:crypto";

export interface UploadedFunction {
  slug: string;
  version: number;
  entrypointPath: string;
  importMapPath: string;
  verifyJwt: boolean;
  staticPatterns: string[];
  /** By its path, as the CLI names it. */
  files: Map<string, Uint8Array>;
}

export interface ManagementOptions {
  ref: string;
  accessToken: string;
  serviceRoleKey: string;
  /** Resolves when what was uploaded, or a secret, is what runs. */
  changed: () => Promise<void>;
}

export interface Management {
  handle(request: Request): Promise<Response>;
  functions: Map<string, UploadedFunction>;
  secrets: Map<string, string>;
  /** Method and path of each request. */
  requests: string[];
  /** Answers the requests whose method and path match, instead of what is here. */
  fault: { matches: RegExp; answer: () => Response | Promise<Response> } | undefined;
  status: string;
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function createManagement(options: ManagementOptions): Management {
  const bundles = new Map<string, UploadedFunction>();
  const self: Management = {
    handle,
    functions: new Map(),
    secrets: new Map(),
    requests: [],
    fault: undefined,
    status: "ACTIVE_HEALTHY",
  };
  type Route = (request: Request, query: URLSearchParams) => Response | Promise<Response>;
  const routes: Record<string, Route> = {
    "GET ": () => Response.json({ id: options.ref, ref: options.ref, name: "my project", status: self.status }),
    "GET /api-keys": (_, query) =>
      Response.json([
        { name: "anon", type: "legacy", api_key: "an-anon-key" },
        {
          name: "service_role",
          type: "legacy",
          api_key: query.get("reveal") === "true" ? options.serviceRoleKey : null,
        },
      ]),
    "GET /functions": () => Response.json([...self.functions.values()].map(describe)),
    "POST /functions/deploy": async (request, query) => {
      const slug = query.get("slug") ?? "";
      if (!/^[a-z][\w-]*$/.test(slug)) throw new Refusal(400, `not a slug: ${slug}`);
      const uploaded = await readUpload(request, slug);
      uploaded.version = (self.functions.get(slug)?.version ?? 0) + 1;
      if (query.get("bundleOnly") === "true") bundles.set(slug, uploaded);
      else await activate([uploaded]);
      return Response.json(describe(uploaded), { status: 201 });
    },
    "PUT /functions": async (request) => {
      const list = await request.json() as { slug?: string }[];
      if (!Array.isArray(list)) throw new Refusal(400, "not a list of functions");
      await activate(list.map(({ slug }) => {
        const bundle = bundles.get(slug ?? "");
        if (!bundle) throw new Refusal(400, `${slug} was not uploaded`);
        return bundle;
      }));
      return Response.json({ functions: list.map(({ slug }) => describe(self.functions.get(slug!)!)) });
    },
    "GET /secrets": () =>
      Response.json([...self.secrets].map(([name, value]) => ({
        name,
        value: createHash("sha256").update(value).digest("hex"),
        updated_at: "2026-01-01T00:00:00.000Z",
      }))),
    "POST /secrets": async (request) => {
      const list = await request.json() as { name?: unknown; value?: unknown }[];
      for (const { name, value } of list) {
        if (typeof name !== "string" || !/^[A-Z]\w*$/.test(name) || name.startsWith("SUPABASE_")) {
          throw new Refusal(400, `not a secret's name: ${name}`);
        }
        if (typeof value !== "string" || value === "") throw new Refusal(400, `${name} has no value`);
      }
      for (const { name, value } of list) self.secrets.set(name as string, value as string);
      await options.changed();
      return new Response(null, { status: 201 });
    },
  };
  return self;

  async function handle(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const line = `${request.method} ${pathname}`;
    self.requests.push(line);
    try {
      if (self.fault?.matches.test(line)) return await self.fault.answer();
      if (request.headers.get("authorization") !== `Bearer ${options.accessToken}`) {
        throw new Refusal(401, "Unauthorized");
      }
      const [, ref, path] = /^\/v1\/projects\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
      if (ref !== options.ref) throw new Refusal(404, "Project not found");
      const route = routes[`${request.method} ${path ?? ""}`];
      if (!route) throw new Refusal(404, `there is no ${line}`);
      return await route(request, searchParams);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return Response.json({ message: error.message }, { status: error.status });
    }
  }

  async function activate(list: UploadedFunction[]): Promise<void> {
    for (const fn of list) self.functions.set(fn.slug, fn);
    await options.changed();
  }
}

async function readUpload(request: Request, slug: string): Promise<UploadedFunction> {
  if (!request.headers.get("content-type")?.startsWith("multipart/form-data")) throw new Refusal(415, "not a form");
  const form = await request.formData();
  const metadata = JSON.parse(String(form.get("metadata"))) as Record<string, unknown>;
  const { name, entrypoint_path, import_map_path, static_patterns, verify_jwt, ...more } = metadata;
  if (Object.keys(more).length > 0) throw new Refusal(400, `unknown metadata: ${Object.keys(more)}`);
  if (name !== slug) throw new Refusal(400, `the name is ${name}, the slug ${slug}`);
  if (typeof verify_jwt !== "boolean") throw new Refusal(400, "verify_jwt is not said");
  if (!Array.isArray(static_patterns)) throw new Refusal(400, "static_patterns is no list");

  const files = new Map<string, Uint8Array>();
  for (const file of form.getAll("file")) {
    if (typeof file === "string") throw new Refusal(400, "a file is a string");
    if (!isInside(file.name)) throw new Refusal(400, `a file outside of the upload: ${file.name}`);
    if (files.has(file.name)) throw new Refusal(400, `twice: ${file.name}`);
    files.set(file.name, new Uint8Array(await file.arrayBuffer()));
  }
  for (const path of [entrypoint_path, import_map_path]) {
    if (typeof path !== "string" || !files.has(path)) throw new Refusal(400, `not uploaded: ${path}`);
  }
  return {
    slug,
    version: 0,
    entrypointPath: entrypoint_path as string,
    importMapPath: import_map_path as string,
    verifyJwt: verify_jwt,
    staticPatterns: static_patterns as string[],
    files,
  };
}

const isInside = (path: string) => /^[^/\\]/.test(path) && !path.split("/").includes("..");

const describe = (fn: UploadedFunction) => ({
  id: `id-${fn.slug}`,
  slug: fn.slug,
  name: fn.slug,
  status: "ACTIVE",
  version: fn.version,
  verify_jwt: fn.verifyJwt,
  import_map: true,
  entrypoint_path: fn.entrypointPath,
  import_map_path: fn.importMapPath,
  created_at: 1,
  updated_at: 1,
});
