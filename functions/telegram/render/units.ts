/**
 * Numbers and times that a person reads at a glance. No locale, times in UTC.
 *
 * @module
 */

/** Milliseconds as `412 ms`, `2.41 s`, `12.3 s`, `1 m 05 s`, `3 h 05 m`, `2 d 03 h`. Rounded down, as a clock is. */
export function duration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 10) / 100).toFixed(2)} s`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  if (minutes < 60) return `${minutes} m ${two(Math.floor(ms / 1000) % 60)} s`;
  if (hours < 24) return `${hours} h ${two(minutes % 60)} m`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

/** `1,234`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Tokens in and out as one number; null when neither is known. */
export function tokens(input: number | null, output: number | null): string | null {
  return input === null && output === null ? null : `${count((input ?? 0) + (output ?? 0))} tok`;
}

/**
 * Micro-dollars as `$0.0021`, `$12.30`, with two digits that count below a cent; `≥ $0.0021` when part of the cost is
 * not known, `cost unknown` when all of it is. Null when there was nothing to pay for.
 */
export function money(microUsd: number | null, complete: boolean): string | null {
  if (microUsd === null) return complete ? null : "cost unknown";
  return complete ? dollars(microUsd) : `≥ ${dollars(microUsd)}`;
}

/** Micro-dollars as `$12.30`, and without cents from $10,000 on. */
export function dollars(microUsd: number): string {
  const value = microUsd / 1_000_000;
  if (value === 0) return "$0";
  if (value < 0.01) return `$${value.toPrecision(2).replace(/0+$/, "")}`;
  if (value >= 10_000) return `$${count(Math.round(value))}`;
  const [whole, cents] = value.toFixed(value < 1 ? 4 : 2).replace(/(\.\d\d\d*?)0+$/, "$1").split(".");
  return `$${count(Number(whole))}.${cents}`;
}

/** As {@link dollars}, rounded up: what is said to be the most is no less than it is. */
export function dollarsUp(microUsd: number): string {
  const digit = lastDigit(microUsd);
  return dollars(Math.ceil(microUsd / digit) * digit);
}

/** The most that is no more than `microUsd`, and that {@link dollars} says to the micro-dollar. */
export function roundedDown(microUsd: number): number {
  const digit = lastDigit(microUsd);
  return Math.floor(microUsd / digit) * digit;
}

/** What the last digit counts of what {@link dollars} says, in micro-dollars. */
function lastDigit(microUsd: number): number {
  if (microUsd < 1000) return microUsd < 100 ? 1 : 10;
  return microUsd < 1_000_000 ? 100 : microUsd < 10_000_000_000 ? 10_000 : 1_000_000;
}

/** `12:03:11`. */
export const clock = (iso: string): string => new Date(iso).toISOString().slice(11, 19);

/** `12:03`. */
export const minute = (iso: string): string => clock(iso).slice(0, 5);

/** `12:03:11.042`. */
export const clockMs = (iso: string): string => new Date(iso).toISOString().slice(11, 23);

/** `Fri 31 Jan 2025`. */
export function day(iso: string): string {
  const [weekday, date, month, year] = new Date(iso).toUTCString().split(" ");
  return `${weekday!.slice(0, 3)} ${Number(date)} ${month} ${year}`;
}

/** `31 Jan 2025`. */
export const date = (iso: string): string => day(iso).replace(/^\w+ /, "");

/** `last 30 days`: the whole days from `from` until now. */
export function lastDays(from: string, now: Date): string {
  const days = Math.floor((now.getTime() - Date.parse(from)) / 86_400_000);
  return days < 2 ? "last day" : `last ${count(days)} days`;
}

/** `last hour`, `last 24 h`, `last 7 days`. */
export function lastHours(hours: number): string {
  if (hours === 1) return "last hour";
  return hours > 24 && hours % 24 === 0 ? `last ${count(hours / 24)} days` : `last ${count(hours)} h`;
}

/** `31 Jan 12:03`. */
export function dayTime(iso: string): string {
  const [, date, month] = new Date(iso).toUTCString().split(" ");
  return `${Number(date)} ${month} ${minute(iso)}`;
}

/** The end of a window of whole buckets, of which the last may not be over: at most `now`. */
export const ended = (to: string, now: Date): string => new Date(Math.min(Date.parse(to), now.getTime())).toISOString();

const two = (value: number): string => String(value).padStart(2, "0");
