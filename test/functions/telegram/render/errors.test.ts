import { expect, test } from "vitest";
import { renderErrors } from "../../../../functions/telegram/render/errors.ts";
import { errorGroups, group } from "../screens_fixture.ts";
import { shown } from "../traces_fixture.ts";

test("against the window before", () => {
  const said = (errors_before: number) =>
    shown(renderErrors({ ...errorGroups([group(1)]), errors: 10, errors_before }, 24)).split("\n")[3];
  expect(said(0)).toBe("none in the window before");
  expect(said(10)).toBe("as in the window before");
  expect(said(8)).toBe("↑ 25 % against the window before");
});

test("by kind", () => {
  expect(
    shown(
      renderErrors(
        errorGroups([
          group(1),
          group(2, { before: 0, count: 3, kind: "boom", step: "" }),
          group(3, { before: 7, count: 2 }),
          group(4, { before: 1, count: 1 }),
        ], { kinds: 6 }),
        24,
      ),
    ),
  ).toBe(
    `Errors · last 24 h · 46

3.7 % of 1,234 runs
↑ 130 % against the window before

1 ▲ 40 × support › llm.answer
     #: rate limited by the provider,…
     12 before · newest 11:29
2 🆕 3 × support
     boom
     first 18:00 · newest 11:29
3 ▼ 2 × support › llm.answer
     #: rate limited by the provider,…
     7 before · newest 11:29
4 = 1 × support › llm.answer
     #: rate limited by the provider,…
     1 before · newest 11:29

and 2 more kinds

🆕 new · ▲ more · ▼ fewer than before
[1] [2] [3] [4]
[1 h] [• 24 h] [7 d] [30 d]
[All errors] [🔄 Refresh] [🏠]`,
  );
});

test("without one, but some before", () => {
  expect(shown(renderErrors(errorGroups([], { errors_before: 3 }), 168))).toBe(
    `Errors · last 7 days · 0

None of 1,234 runs failed. 3 failed in the window before.
[1 h] [24 h] [• 7 d] [30 d]
[All errors] [🔄 Refresh] [🏠]`,
  );
});

test("without a run", () => {
  expect(shown(renderErrors(errorGroups([], { count: 0 }), 1))).toBe(
    `Errors · last hour · 0

Nothing ran.
[• 1 h] [24 h] [7 d] [30 d]
[All errors] [🔄 Refresh] [🏠]`,
  );
});
