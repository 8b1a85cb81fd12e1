import { expect, test } from "vitest";
import { renderCandidates, renderNoOrigin, renderNotFound } from "../../../../functions/telegram/render/find.ts";
import { shown, summary } from "../traces_fixture.ts";

test("several", () => {
  expect(
    shown(
      renderCandidates("0194bc1f", {
        candidates: [summary(1), summary(2, { status: "running", duration_ms: null })],
        more: true,
      }),
    ),
  ).toBe(
    `More than 2 traces begin with 0194bc1f

1 ✅ support · 2.41 s · 31 Jan 12:03
0194bc1f-9d00-7000-8000-000000000001
2 ⏳ support · running · 31 Jan 12:03
0194bc1f-9d00-7000-8000-000000000002

These are the newest. A few more characters tell them apart.
[1] [2]
[Traces] [🏠]`,
  );
});

test("none", () => {
  expect(shown(renderNotFound("0194bc1f"))).toBe(
    `No trace begins with 0194bc1f.

It may have been dropped with its day, or not have come in yet.
[Traces] [🏠]`,
  );
});

test("what cannot be an id", () => {
  expect(shown(renderNotFound("<b>x"))).toBe(
    `No trace begins with <b>x.

An id has digits and the letters a to f; write at least its first four.
[Traces] [🏠]`,
  );
});

test("no run behind a message", () => {
  expect(shown(renderNoOrigin())).toBe(
    `No run is known to have sent this message.

It may be older than what is kept, or not be a run's:
none that is kept ran in its chat when it was sent.
[Traces] [🏠]`,
  );
});
