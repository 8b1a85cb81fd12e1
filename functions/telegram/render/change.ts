/** Numbers of two windows, in words: what changed. */
import { count } from "./units.ts";

/** `↑ 12 %`, `↓ 3 %`, `×4.2`, `as before`, `new`; null where neither window has anything. */
export function change(now: number | null, before: number | null): string | null {
  if (now === null || (now === 0 && (before ?? 0) === 0)) return null;
  if (before === null || before === 0) return "none before";
  const ratio = now / before;
  const percent = Math.round((ratio - 1) * 100);
  if (percent === 0) return "as before";
  if (ratio >= 1000) return "↑ ×1,000+";
  if (ratio >= 3) return `↑ ×${ratio >= 10 ? count(Math.round(ratio)) : ratio.toFixed(1)}`;
  return percent > 0 ? `↑ ${percent} %` : `↓ ${-percent} %`;
}

/** A share of 0..1 as `0 %`, `0.4 %`, `12 %`; what is not nothing is not called 0. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return "0 %";
  if (value < 0.1) return "< 0.1 %";
  return `${value < 9.95 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)} %`;
}
