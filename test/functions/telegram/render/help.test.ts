import { expect, test } from "vitest";
import { renderHelp } from "../../../../functions/telegram/render/help.ts";
import { shown } from "../traces_fixture.ts";

test("for whoever asks", () => {
  expect(shown(renderHelp())).toBe(
    `What you can ask

/admin – how things stand
/admin traces – all runs, newest first
/admin errors 24h – failed runs by kind
/admin slowest, dearest – runs in that order
/admin stats 7d – numbers against the window before
/admin trace 0194bc1f – one run, by its id or the start of it
/admin user 601 – the runs of a user
/admin alert p95 8s, off – when an alert opens, or never
/admin test smoke, release – what a run of synthetic tests costs, before it begins
/admin test dry – one of recordings, which costs nothing
/admin storage, alerts, tests, settings – the rest
/trace – in reply to a message of the bot: the run behind it

Filters of lists, in any order
error, ok, running, lost – how it ended
support – the pipeline; in quotes where it is called like a filter
user 601, chat -100 – whose
>2s, >500ms – at least so long
release 1.4.2 – of that version
1h, 24h, 7d, 30d – how far back
"429 from" – in the error's text
Together: /admin traces error support 24h "429 from"

Who may what
viewer: every screen but prompts
operator: prompts and responses, alerts, tests
owner: settings, /admin audit, and /admin add 42 operator, remove 42, allow or deny in a group

Times are UTC. Prompts that were read, settings that were changed and money that was spent are on record.
[Traces] [Admins] [🏠]`,
  );
});
