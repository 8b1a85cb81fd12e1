/**
 * Parameters as short text, for `callback_data`.
 *
 * @module
 */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** 0..4,095 as two characters; what is larger is the largest. */
export function packNumber(value: number): string {
  const bounded = Math.min(Math.max(0, Math.trunc(value)), 4095);
  return DIGITS[bounded >> 6]! + DIGITS[bounded & 63]!;
}

/** A UUID's 16 bytes as 22 base64url characters. */
export function packUuid(uuid: string): string {
  const bytes = uuid.replaceAll("-", "").match(/../g)!.map((hex) => parseInt(hex, 16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").slice(0, 22);
}

/** Takes parameters from the start of what is left of `data`. Each method throws where there is none of its kind. */
export class Reader {
  #left: string;

  constructor(data: string) {
    this.#left = data;
  }

  get isAtEnd(): boolean {
    return this.#left === "";
  }

  peek(): string {
    return this.#left.slice(0, 1);
  }

  take(characters: number): string {
    const taken = this.#left.slice(0, characters);
    if (taken.length < characters) throw new RangeError("too short");
    this.#left = this.#left.slice(characters);
    return taken;
  }

  /** What the next letter stands for. */
  one<T>(letters: Readonly<Record<string, T>>): T {
    const letter = this.take(1);
    if (!Object.hasOwn(letters, letter)) throw new RangeError("unknown letter");
    return letters[letter]!;
  }

  /** As {@link one}; null for `.`. */
  optional<T>(letters: Readonly<Record<string, T>>): T | null {
    return this.peek() === "." ? (this.take(1), null) : this.one(letters);
  }

  number(): number {
    const [high, low] = this.take(2);
    return DIGITS.indexOf(high!) * 64 + DIGITS.indexOf(low!);
  }

  /** A row's id, up to the end. */
  id(): number {
    const digits = this.take(Math.max(1, this.#left.length));
    if (!/^[1-9]\d{0,15}$/.test(digits)) throw new RangeError("not an id");
    return Number(digits);
  }

  /** Micro-dollars, up to the end. */
  amount(): number {
    const digits = this.take(Math.max(1, this.#left.length));
    if (!/^(?:0|[1-9]\d{0,14})$/.test(digits)) throw new RangeError("not an amount");
    return Number(digits);
  }

  /** A trace's id. */
  uuid(): string {
    const uuid = this.anyUuid();
    if (!/^.{14}7.{4}[89ab]/.test(uuid)) throw new RangeError("not a UUIDv7");
    return uuid;
  }

  anyUuid(): string {
    const bytes = atob(this.take(22).replaceAll("-", "+").replaceAll("_", "/"));
    const hex = [...bytes].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }

  /** The name of an alert rule, and `=` and a threshold where there is one, up to the end. */
  rule(): { rule: string; threshold?: string } {
    const [, rule, threshold] = /^([a-z][a-z0-9_]{0,29})(?:=(\d{1,12}(?:\.\d{1,3})?))?$/.exec(this.#left) ?? [];
    if (rule === undefined) throw new RangeError("not a rule");
    this.#left = "";
    return { rule, ...(threshold !== undefined && { threshold }) };
  }

  /** The id of a stored filter, if there is one. */
  filter(): { filter?: string } {
    if (this.peek() === ".") return this.take(1), {};
    const filter = this.take(8);
    if (!/^[\w-]{8}$/.test(filter)) throw new RangeError("not a filter");
    return { filter };
  }
}
