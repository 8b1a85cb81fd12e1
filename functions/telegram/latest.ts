/**
 * Pressing a button several times in a row: one press runs at a time, and only the newest of those that wait.
 *
 * It holds within one isolate. Two isolates may still edit a message at once; the later edit stays, as a whole.
 *
 * @module
 */

interface Lane {
  running: Promise<unknown>;
  newest: symbol;
}

/**
 * Runs `work` when what ran before under `key` has ended, unless a newer call came in meanwhile. `work` may ask whether
 * it is still the newest, to leave out what would be replaced at once.
 *
 * @returns Whether `work` ran. Rejects with what `work` rejects with.
 */
export type Latest = (key: string, work: (isNewest: () => boolean) => Promise<void>) => Promise<boolean>;

export function createLatest(): Latest {
  const lanes = new Map<string, Lane>();

  return async function latest(key, work) {
    const me = Symbol();
    const lane = lanes.get(key) ?? { running: Promise.resolve(), newest: me };
    lanes.set(key, lane);
    lane.newest = me;

    const run = lane.running.then(async () => {
      if (lane.newest !== me) return false;
      await work(() => lane.newest === me);
      return true;
    });
    lane.running = run.catch(() => {});
    try {
      return await run;
    } finally {
      if (lane.newest === me) lanes.delete(key);
    }
  };
}
