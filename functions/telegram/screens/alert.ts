import type { Alert } from "../../_shared/db.ts";
import { reasonOf } from "../alert_reason.ts";
import type { Action } from "../callback.ts";
import { renderAlert, renderAlertMessage } from "../render/alert.ts";
import { renderRefusal } from "../render/refusal.ts";
import type { Reply, Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";
import { failureScreen } from "./failure.ts";

type Params<S> = Extract<Action, { screen: S }>;

/** One alert, after what a button has done to it. @throws {RpcError} */
export async function alertScreen({ db, actor }: ScreenDeps, params: Params<"alert">): Promise<Screen> {
  const { alert_id, act } = params;
  const answer = act === undefined ? await db.getAlert(alert_id) : await db.alertAct(actor.user_id, alert_id, act);
  if (answer !== null && "refused" in answer) return renderRefusal(answer.refused);
  return renderAlert(answer, answer && reasonOf(answer.rule));
}

/**
 * A button of an alert's own message. What the button does to the alert is shown there; all else, a failure as well, comes as
 * a new message.
 *
 * @param open Opens the screen that shows the reason.
 */
export async function lookScreen(
  deps: ScreenDeps,
  { alert_id, press }: Params<"look">,
  open: (action: Action) => Promise<Reply>,
): Promise<Reply> {
  const { db, actor } = deps;
  try {
    if (press === "alerts") return fresh(await open({ screen: "alerts", all: false }));
    if (press === "reason") {
      const reason = reasonOf((await db.getAlert(alert_id))?.rule ?? "");
      return fresh(await open(reason ?? { screen: "alert", alert_id }));
    }
    const answer = await db.alertAct(actor.user_id, alert_id, press);
    if (answer === null) return fresh(renderAlert(null, null));
    return "refused" in answer ? fresh(renderRefusal(answer.refused)) : ofMessage(deps, answer);
  } catch (error) {
    return fresh(failureScreen(error, { screen: "alert", alert_id }));
  }
}

/**
 * The message shows the change at once, also where events are posted to nobody. alerts.ts edits it as well, and knows more by
 * the time this edit lands, when Telegram's rate limit has held it up: so it is looked at again.
 */
function ofMessage(deps: ScreenDeps, alert: Alert): Screen {
  return {
    ...renderAlertMessage(alert),
    again: async () => {
      const now = await deps.db.alertOfMessage(alert.alert_id, deps.actor.chat_id);
      const isShown = now === null || (now.alert_id === alert.alert_id && now.revision === alert.revision);
      return isShown ? null : ofMessage(deps, now);
    },
  };
}

const fresh = (reply: Reply): Reply => "html" in reply ? { ...reply, fresh: true } : reply;
