/** As `off.ts`, in an AsyncLocalStorage: what it costs, on this Node, that a step can know the one around it, whoever traces. */
import { AsyncLocalStorage } from "node:async_hooks";
import { through } from "./through.ts";
import { serveBot } from "./worker.ts";

const storage = new AsyncLocalStorage<object>();
serveBot(through((fn) => storage.run({}, fn)), () => Promise.resolve());
