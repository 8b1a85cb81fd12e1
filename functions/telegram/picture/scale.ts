/**
 * Round numbers for axes.
 *
 * @module
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Steps between the marks of a time axis, in milliseconds, that people count in. */
const TIME_STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 20, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((n) => n * MINUTE),
  ...[1, 2, 4, 8, 12, 24].map((n) => n * HOUR),
];

/** Marks from 0 up to `max` and, where `over` says so, the first one at or above it. At most about `most` of them. */
export function timeMarks(max: number, most: number, over = false): number[] {
  const found = TIME_STEPS.find((step) => max / step <= most);
  return marks(max, found ?? Math.ceil(max / most / (24 * HOUR)) * 24 * HOUR, over);
}

export function countMarks(max: number, most: number): number[] {
  for (let step = 1;; step *= 10) {
    for (const factor of [1, 2, 5]) if (max / (step * factor) <= most) return marks(max, step * factor, true);
  }
}

function marks(max: number, step: number, over: boolean): number[] {
  const last = over ? Math.max(1, Math.ceil(max / step)) : Math.floor(max / step);
  return Array.from({ length: last + 1 }, (_, i) => i * step);
}

/** `0`, `200 ms`, `1.5 s`, `2 min`, `3 h`: as short as a mark may be. */
export function shortTime(ms: number): string {
  if (ms === 0) return "0";
  if (ms < SECOND) return `${ms} ms`;
  if (ms < MINUTE) return `${ms / SECOND} s`;
  if (ms < HOUR) return `${ms / MINUTE} min`;
  return `${ms / HOUR} h`;
}
