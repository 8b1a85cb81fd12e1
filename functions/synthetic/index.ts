import { whenConfigured } from "../_shared/env.ts";
import { createApp } from "./app.ts";

/** What Supabase ends a function by; elsewhere it runs on by itself. */
const { EdgeRuntime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };

Deno.serve(whenConfigured(() => createApp((name) => Deno.env.get(name), (work) => EdgeRuntime?.waitUntil(work))));
