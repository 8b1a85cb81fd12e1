/** The telegram function answers Telegram, and nobody else. */
import { Failure } from "../stack/failure.ts";
import { type Answer, saidBy } from "./http.ts";
import { eventually } from "./project.ts";
import type { SelfTest } from "./self_test.ts";

/** Of a kind that the bot does not answer. */
const UNANSWERED = { my_chat_member: {} };

export async function testWebhook({ project, settings, waitMs, signal }: SelfTest): Promise<{ detail: string }> {
  const post = (secret: string) =>
    project.post("telegram", { update_id: updateId(), ...UNANSWERED }, { "x-telegram-bot-api-secret-token": secret });
  const wanted = async (secret: string, status: number): Promise<{ last: Answer; right: boolean }> => {
    let last: Answer = { status: 0, body: "no answer" };
    const found = await eventually(async () => {
      last = await post(secret).catch((error: Error) => {
        signal.throwIfAborted();
        return { status: 0, body: error.message };
      });
      return last.status === status || undefined;
    }, { waitMs, signal });
    return { last, right: found === true };
  };

  const known = await wanted(settings.webhookSecret, 200);
  if (!known.right) throw unexpected(known.last, "an update with the secret");
  const unknown = await wanted(`not-${settings.webhookSecret.slice(0, 4)}`.replace(/[^\w-]/g, "_"), 401);
  if (!unknown.right) throw unexpected(unknown.last, "an update with a wrong secret");
  return { detail: "answers to its secret, and refuses another" };
}

/** Below all of Telegram's, which are positive. */
export const updateId = (): number => -Date.now();

function unexpected(last: Answer, what: string): Failure {
  const log = "Its log says more: dashboard, Edge Functions, telegram, Logs.";
  const said = `The telegram function answers ${what} with ${saidBy(last)}`;
  if (last.status === 503) {
    return new Failure(said, `Its settings have not reached it. ${log} Then npm run deploy again.`);
  }
  if (last.status === 401) {
    return new Failure(
      said,
      `Its TELEGRAM_WEBHOOK_SECRET, or verify_jwt, is not as deployed. ${log} Then npm run deploy again.`,
    );
  }
  return new Failure(said, `${log} Then npm run deploy again.`);
}
