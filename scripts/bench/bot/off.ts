/** The example bot without a tracer. Its middleware is left out (`untraced.ts`). */
import { through } from "./through.ts";
import { serveBot } from "./worker.ts";

serveBot(through((fn) => fn()), () => Promise.resolve());
