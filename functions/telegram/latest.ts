/**
 * Pressing a button several times in a row: one press runs at a time, and only the newest of those that wait.
 *
 * It holds within one isolate and asks nobody; the lane (lane.ts) does the same between isolates.
 *
 * @module
 */

interface Queue {
  running: Promise<unknown>;
  newest: number;
  waiting: number;
}

/**
 * Runs `work` when what ran before under `key` has ended, unless a call with a greater `order` came in meanwhile. `work` may
 * ask whether it is still the newest, to leave out what would be replaced at once.
 *
 * @returns Whether `work` ran. Rejects with what `work` rejects with.
 */
export type Latest = (
  key: string,
  order: number,
  work: (isNewest: () => boolean) => Promise<void>,
) => Promise<boolean>;

export function createLatest(): Latest {
  const queues = new Map<string, Queue>();

  return async function latest(key, order, work) {
    const queue = queues.get(key) ?? { running: Promise.resolve(), newest: order, waiting: 0 };
    queues.set(key, queue);
    queue.newest = Math.max(queue.newest, order);
    queue.waiting += 1;

    const run = queue.running.then(async () => {
      if (queue.newest !== order) return false;
      await work(() => queue.newest === order);
      return true;
    });
    queue.running = run.catch(() => {});
    try {
      return await run;
    } finally {
      queue.waiting -= 1;
      if (queue.waiting === 0) queues.delete(key);
    }
  };
}
