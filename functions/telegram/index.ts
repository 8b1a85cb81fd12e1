import { whenConfigured } from "../_shared/env.ts";
import { createApp } from "./app.ts";

Deno.serve(whenConfigured(() => createApp((name) => Deno.env.get(name))));
