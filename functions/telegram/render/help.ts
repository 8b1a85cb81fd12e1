/** What each command does, and who may. */
import { bold, code, type Html, line, lines, literal, message } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

/** @param words What to write; with a comma between several. */
function command(words: string, does: string): Html {
  const [first, ...others] = words.split(", ").map((word) => code(literal(word)));
  return line`${others.reduce((before, word) => line`${before}, ${word}`, first!)} – ${literal(does)}`;
}

export function renderHelp(): Screen {
  const answer = message(
    bold(literal("What you can ask")),
    lines(
      command("/admin", "how things stand"),
      command("/admin traces", "all runs, newest first"),
      command("/admin errors 24h", "failed runs by kind"),
      command("/admin slowest, dearest", "runs in that order"),
      command("/admin stats 7d", "numbers against the window before"),
      command("/admin trace 0194bc1f", "one run, by its id or the start of it"),
      command("/admin user 601", "the runs of a user"),
      command("/admin alert p95 8s, off", "when an alert opens, or never"),
      command("/admin test smoke, release", "what a run of synthetic tests costs, before it begins"),
      command("/admin test dry", "one of recordings, which costs nothing"),
      command("/admin storage, alerts, tests, settings", "the rest"),
      line`${code(literal("/trace"))} – in reply to a message of the bot: the run behind it`,
    ),
    lines(
      bold(literal("Filters of lists, in any order")),
      command("error, ok, running, lost", "how it ended"),
      command("support", "the pipeline; in quotes where it is called like a filter"),
      command("user 601, chat -100", "whose"),
      command(">2s, >500ms", "at least so long"),
      command("release 1.4.2", "of that version"),
      command("1h, 24h, 7d, 30d", "how far back"),
      command('"429 from"', "in the error's text"),
      line`Together: ${code(literal('/admin traces error support 24h "429 from"'))}`,
    ),
    lines(
      bold(literal("Who may what")),
      line`viewer: every screen but prompts`,
      line`operator: prompts and responses, alerts, tests`,
      line`owner: settings, ${code(literal("/admin audit"))}, and ${code(literal("/admin add 42 operator"))}, ${
        code(literal("remove 42"))
      }, ${code(literal("allow"))} or ${code(literal("deny"))} in a group`,
    ),
    literal(
      "Times are UTC. Prompts that were read, settings that were changed and money that was spent are on record.",
    ),
  );
  return screen("help", answer, [[
    { label: "Traces", action: { screen: "traces" } },
    { label: "Admins", action: { screen: "admins" } },
    { label: "🏠", action: { screen: "home" } },
  ]]);
}
