/**
 * Timers that keep no process alive.
 *
 * @module
 */
export type Timer = ReturnType<typeof setTimeout>;

/** What a timer can wait: one that is set to more goes off at once. */
export const timerMs = (ms: number): number => Math.min(ms, 2 ** 31 - 1);

/** As `setTimeout`, but unref'd where timers can be. Elsewhere the handle is a number. */
export function background(fn: () => void, ms: number): Timer {
  const timer = setTimeout(fn, timerMs(ms));
  if (typeof timer === "object") timer.unref();
  return timer;
}
