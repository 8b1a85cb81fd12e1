/** What has become of a confirmation. */
import type { ConfirmAnswer } from "../../_shared/db.ts";
import { bold, type Html, line, lines, literal, text } from "./html.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";
import { dollarsUp } from "./units.ts";

type Began = Extract<ConfirmAnswer, { token: string }>;
type No = Extract<ConfirmAnswer, { no: string }>["no"];

const TESTS: Button[] = [{ label: "⬅️ Tests", action: { screen: "tests" } }, HOME];

/** @param isReached Whether the function that runs it has said that it does. */
export function renderBegan({ run_id, ceiling_microusd }: Began, isReached: boolean): Screen {
  const words = lines(
    bold(
      ceiling_microusd === 0
        ? line`▶ It is confirmed, and costs nothing.`
        : line`▶ It is confirmed, and spends at most ${text(dollarsUp(ceiling_microusd))}.`,
    ),
    line`How far it is comes in a message of its own, which has a button that stops it.`,
    ...(isReached
      ? []
      : [line`⚠️ The function that runs it did not answer. The database asks it again within a minute.`]),
  );
  return screen("run_began", words, [
    [
      { label: "Look at it", action: { screen: "run", run_id, only: "all", page: 0 } },
      { label: "■ Stop", action: { screen: "stop", run_id } },
    ],
    TESTS,
  ]);
}

const NOT_YOURS = [
  "Somebody else has asked for this run.",
  "Only who has asked can confirm it or take it back.",
] as const;

const WHY: Record<Exclude<No, "not_yours">, readonly [Html, Html]> = {
  expired: [
    line`Too late: it could be confirmed for five minutes.`,
    line`Ask again: what it costs and what is left may have changed.`,
  ],
  used: [line`This was confirmed before.`, line`A confirmation starts one run, once.`],
  over_cap: [
    line`That is more than may be spent by now.`,
    line`Other runs have spent or reserved it meanwhile, or an owner has lowered a cap. Ask again to see what is left.`,
  ],
  no_ceiling: [
    line`A ceiling is missing.`,
    line`Not all of the cost is known. Ask again, and choose the most that may be spent.`,
  ],
  gone: [line`This run is gone.`, line`It was taken back, or is no longer kept.`],
};

/** Who has asked goes on seeing the question. */
export function renderNotYours(): Screen {
  const [what, todo] = NOT_YOURS;
  const words = lines(bold(literal(what)), literal(todo), line`Nothing was spent by this press.`);
  return { ...screen("run_not_confirmed", words, [TESTS]), toast: `${what} ${todo}` };
}

/** Nothing has begun by it. */
export function renderNotConfirmed(no: No, run_id: string): Screen {
  if (no === "not_yours") return renderNotYours();
  const [what, todo] = WHY[no];
  const look: Button = { label: "Look at it", action: { screen: "run", run_id, only: "all", page: 0 } };
  return screen("run_not_confirmed", lines(bold(what), todo, line`Nothing was spent by this press.`), [
    no === "used" ? [look] : [],
    TESTS,
  ]);
}
