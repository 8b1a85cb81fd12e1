/** Notices when all that is left of a run is still kept for a worker that was there before. */
import type { Store } from "../../functions/synthetic/suite/ports.ts";

/** @param tell Called once, when nothing is done here for that. */
export function noticingWaits(store: Store, tell: () => void): Store {
  /** Questions and scenarios that are under way here. */
  let busy = 0;
  let told = false;
  return {
    ...store,
    async take() {
      busy++;
      const next = await store.take();
      if (next.kind !== "taken") busy--;
      // While something is under way here, it is that for which others wait.
      if (next.kind === "wait" && busy === 0 && !told) {
        told = true;
        tell();
      }
      return next;
    },
    async finish(taken, outcome) {
      const kept = await store.finish(taken, outcome);
      busy--;
      return kept;
    },
  };
}
