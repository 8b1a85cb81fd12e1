/** Amounts as people read them. */

/** Exact below a cent, where most calls are. */
export function dollars(microusd: number | null): string {
  if (microusd === null) return "unknown";
  const digits = microusd >= 1e6 ? 2 : microusd >= 10_000 ? 4 : 6;
  const text = (microusd / 1e6).toFixed(digits);
  return `$${digits === 2 ? text : text.replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

export const count = (n: number, one: string, many = `${one}s`): string => `${grouped(n)} ${n === 1 ? one : many}`;

/** 12345 is 12 345. */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, " ");

/** How a number has changed: `+20 %`. Undefined where that says nothing. */
export function change(now: number | null, before: number | null): string | undefined {
  if (now === null || before === null || before === 0) return undefined;
  const percent = Math.round((now / before - 1) * 100);
  return `${percent > 0 ? "+" : percent < 0 ? "−" : "±"}${Math.abs(percent)} %`;
}

/** Of a trace: its first digits are the time, which traces of one run nearly have in common. */
export const shortId = (id: string): string => id.slice(0, 18);
