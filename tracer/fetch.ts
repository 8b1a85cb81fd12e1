/**
 * A `fetch` whose calls are steps.
 *
 * @module
 */
import { automaticStep } from "./automatic.ts";
import type { Tracer } from "./tracer.ts";

/** What a traced `fetch` can be told. */
export interface TracedFetchOptions {
  /** What makes the calls. @default the global `fetch` */
  fetch?: typeof fetch | undefined;
  /**
   * Name of the step, cut to 20 characters; undefined for the usual one. It has to be of low cardinality: no ids.
   *
   * @default `http.<host>`
   */
  name?: ((url: URL) => string | undefined) | undefined;
}

/**
 * A `fetch` for everything that takes one: each call in a trace is a step, from its start until the headers of the answer
 * are there; reading the body is not in it. Outside any trace it is `fetch` as it is.
 *
 * A status of 400 or more, or no answer at all, fails the step, as `404 Not Found` or with the error's message. Of the
 * address the host alone is recorded, and no header or body: paths, queries and bodies hold keys and what users wrote.
 */
export function tracedFetch(tracer: Tracer, options: TracedFetchOptions = {}): typeof fetch {
  return fetchInSteps(tracer, options, statusText);
}

/** @param problemOf What to record of an answer with a status of 400 or more. Never rejects. */
export function fetchInSteps(
  tracer: Tracer,
  { fetch: given, name }: TracedFetchOptions,
  problemOf: (response: Response, url: URL) => string | Promise<string>,
): typeof fetch {
  return (input, init) => {
    const call = () => (given ?? fetch)(input, init);
    const url = urlOf(input);
    if (url === undefined) return call();
    return automaticStep(
      tracer,
      nameOf(name, url),
      call,
      (response) => response.status >= 400 ? problemOf(response, url) : undefined,
    );
  };
}

/** HTTP/2 has no texts of statuses. */
export const statusText = ({ status, statusText }: Response): string => `${status} ${statusText}`.trim();

/** Undefined when there is none, as `fetch` itself will say. */
function urlOf(input: Parameters<typeof fetch>[0]): URL | undefined {
  try {
    return new URL(typeof input === "object" && "url" in input ? input.url : input);
  } catch {
    return undefined;
  }
}

function nameOf(name: TracedFetchOptions["name"], url: URL): string {
  try {
    const own = name?.(url);
    if (typeof own === "string" && own !== "") return own;
  } catch {
    // The call is made, and the step has a name.
  }
  return `http.${url.hostname}`;
}
