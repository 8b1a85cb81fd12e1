/** Calls of the services, each of which may be away, slow or not what it should be. */

const TIMEOUT_MS = 30_000;

export interface Answer {
  status: number;
  // deno-lint-ignore no-explicit-any -- each caller knows what its service says, and looks
  body: any;
}

/** Nobody answered, or not in time. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** @throws {Unreachable}; and the signal's reason when it is aborted. */
export async function callJson(url: string, init: RequestInit, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(url, {
      ...init,
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  } catch (error) {
    signal.throwIfAborted();
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message;
    throw new Unreachable(`${new URL(url).origin} does not answer: ${why}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 500);
  }
}

/** What a service said about an error, in a line. */
export function saidBy({ status, body }: Answer): string {
  const said = body?.message ?? body?.description ?? body?.error ?? body?.code ?? body;
  return `${status} ${typeof said === "string" ? said : JSON.stringify(said)}`.trim();
}
