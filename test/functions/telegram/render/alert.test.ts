import { describe, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { renderAlert, renderAlertMessage } from "../../../../functions/telegram/render/alert.ts";
import { alert } from "../alerts_fixture.ts";
import { HOSTILE, shown, visible } from "../traces_fixture.ts";

describe("the message of an alert", () => {
  test("reads like this while it is open", () => {
    expect(shown(renderAlertMessage(alert()))).toBe(
      `🔴 Many runs fail
now 25 % · worst 31.3 % · limit 10 %

26 of 84 runs failed in 15 minutes, most of them in support: 26 of 60

31 Jan 12:03 UTC · error_rate
[👀 Look] [✔️ Acknowledge]
[🔕 1 h] [🔕 24 h]
[📟 Alerts]`,
    );
  });

  test("reads like this when admins have taken it up, and it was there before", () => {
    const screen = renderAlertMessage(alert({
      acknowledged_at: "2025-01-31T12:05:00.000Z",
      acknowledged_by: 1001,
      muted_until: "2025-02-01T12:05:00.000Z",
      muted_by: 1002,
      last_value: null,
      resolved_before_at: "2025-01-31T12:00:00.000Z",
    }));
    expect(shown(screen)).toBe(
      `🔴 Many runs fail
too little to measure now
worst 31.3 % · limit 10 %

26 of 84 runs failed in 15 minutes, most of them in support: 26 of 60

31 Jan 12:03 UTC · error_rate
Back again: it had resolved at 12:00
✔️ Acknowledged by 1001 at 12:05
🔕 Muted by 1002 until 1 Feb 12:05
[👀 Look]
[🔔 Unmute]
[📟 Alerts]`,
    );
  });

  test("reads like this when it has resolved", () => {
    expect(shown(renderAlertMessage(alert({ resolved_at: "2025-01-31T12:15:11.000Z" })))).toBe(
      `✅ Many runs fail
resolved after 12 m 00 s
worst 31.3 % · limit 10 %

26 of 84 runs failed in 15 minutes, most of them in support: 26 of 60

31 Jan 12:03 – 12:15 UTC · error_rate
[👀 Look]
[🔕 1 h] [🔕 24 h]
[📟 Alerts]`,
    );
  });

  test("its buttons are its own, so that it stays a message of an alert", () => {
    const actions = renderAlertMessage(alert()).keyboard.flat().map(({ action }) => action);
    expect(actions).toEqual(
      ["reason", "acknowledge", "mute_1h", "mute_24h", "alerts"].map((press) => ({
        screen: "look",
        alert_id: 17,
        press,
      })),
    );
  });

  test.each(HOSTILE)("holds whatever names the runs have: %j", (name) => {
    const screen = renderAlertMessage(alert({ detail: `most of them in ${name.repeat(100)}` }));
    expect(visible(screen.html)).toHaveLength(screen.chars);
    expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
    expect(screen.html.replace(/<\/?(b|code)>/g, "")).not.toMatch(/[<>]/);
  });

  test("values have the unit of their rule", () => {
    const standing = (unit: string) =>
      visible(renderAlertMessage(alert({ unit, threshold: 30_000, worst: 41_500_000, last_value: 2413 })).html).split(
        "\n",
      )[1];
    expect(standing("ms")).toBe("now 2.41 s · worst 11 h 31 m · limit 30.0 s");
    expect(standing("microusd")).toBe("now $0.0024 · worst $41.50 · limit $0.03");
    expect(standing("records")).toBe("now 2,413 records · worst 41,500,000 records · limit 30,000 records");
  });
});

describe("the screen of an alert", () => {
  test("says the same, and leads back", () => {
    const reason = { screen: "errors", hours: 1 } as const;
    const screen = renderAlert(alert({ resolved_at: "2025-02-01T12:15:11.000Z" }), reason);
    expect(shown(screen)).toBe(
      `✅ Many runs fail
resolved after 1 d 00 h
worst 31.3 % · limit 10 %

26 of 84 runs failed in 15 minutes, most of them in support: 26 of 60

31 Jan 12:03 – 1 Feb 12:15 UTC · error_rate
[👀 Look]
[🔕 1 h] [🔕 24 h]
[⚙️ Rule] [⬅️ Alerts] [🏠]`,
    );
    expect(screen.keyboard[0]![0]!.action).toEqual(reason);
    expect(screen.keyboard[2]![0]!.action).toEqual({ screen: "rule", rule: "error_rate" });
  });

  test("one that is gone", () => {
    expect(shown(renderAlert(null, null))).toBe(
      `This alert is gone.
Alerts are kept for 90 days after they have resolved.
[⬅️ Alerts] [🏠]`,
    );
  });
});
