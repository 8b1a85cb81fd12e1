/**
 * Timers that keep no process alive.
 *
 * @module
 */
export type Timer = ReturnType<typeof setTimeout>;

/** As `setTimeout`, but unref'd where timers can be. Elsewhere the handle is a number. */
export function background(fn: () => void, ms: number): Timer {
  const timer = setTimeout(fn, ms);
  if (typeof timer === "object") timer.unref();
  return timer;
}
