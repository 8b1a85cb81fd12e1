import { renderCandidates, renderNoOrigin, renderNotFound } from "../../../../functions/telegram/render/find.ts";
import { HOSTILE, summary } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [
  {
    title: "several",
    reply: renderCandidates("0194bc1f", {
      candidates: [summary(1), summary(2, { status: "running", duration_ms: null }), summary(3, { status: "error" })],
      more: false,
    }),
  },
  {
    title: "more than five, of hostile names",
    reply: renderCandidates("0194bc1f-9d00-7000-8000-00000000000", {
      candidates: [0, 1, 2, 8, 11].map((i) => summary(i, { pipeline: HOSTILE[i]! })),
      more: true,
    }),
  },
  { title: "none", reply: renderNotFound("0194bc1f") },
  { title: "what cannot be an id", reply: renderNotFound("<b>x") },
  { title: "no run behind a message", reply: renderNoOrigin() },
];
