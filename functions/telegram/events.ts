/**
 * POST /functions/v1/telegram with `x-tracegram-secret`: something to tell, of an alert or of a run of synthetic tests. The
 * body says which.
 *
 * @module
 */
import { readJson } from "../_shared/body.ts";
import { alertSecret, sameSecret } from "../_shared/secret.ts";

const MAX_BODY_BYTES = 64 * 1024;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

export interface EventsDeps {
  /** What `setWebhook` was given; the header carries {@link alertSecret} of it. */
  webhookSecret: string;
  tellAlert: (eventId: number) => Promise<Response>;
  tellRun: (runId: string) => Promise<Response>;
  /** Told of each request that does not know the secret. */
  refused: () => void | Promise<void>;
}

/** Whether a request is one of our own, and not Telegram's. */
export const isEvent = (req: Request): boolean => req.headers.has("x-tracegram-secret");

export function createEvents(deps: EventsDeps): (req: Request) => Promise<Response> {
  const secret = alertSecret(deps.webhookSecret);

  return async function events(req) {
    if (req.method !== "POST") return answer(405, "method_not_allowed");
    if (!await sameSecret(req.headers.get("x-tracegram-secret") ?? "", await secret)) {
      await deps.refused();
      return answer(401, "wrong_secret");
    }
    const body = await readJson(req, MAX_BODY_BYTES);
    if (!body.ok) return answer(body.status, body.code);
    const { event, run_id, event_id } = (body.value ?? {}) as Record<string, unknown>;
    if (event === "synthetic_run") {
      return typeof run_id === "string" && UUID.test(run_id) ? deps.tellRun(run_id) : answer(400, "not_a_run");
    }
    return Number.isSafeInteger(event_id) ? deps.tellAlert(event_id as number) : answer(400, "not_an_alert");
  };
}

/** Who posts reads the status and Retry-After; the code is for people. */
export const answer = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  Response.json({ code }, { status, headers });
