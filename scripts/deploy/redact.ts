/** Secrets never reach the screen, whoever prints them: a program, a server's error, or ourselves. */

export class Redactor {
  /** Each way in which a secret may be written, with what is shown for it. */
  readonly #forms = new Map<string, string>();

  /** From now on `value` is shown as its name. Returns the value. */
  add(name: string, value: string): string {
    const json = JSON.stringify(value).slice(1, -1);
    const base64 = Buffer.from(value).toString("base64");
    for (const form of [value, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(value), encodeURI(value)]) {
      if (form !== "") this.#forms.set(form, `[${name}]`);
    }
    // Too short a one could be a piece of any word.
    if (value.length >= 6) {
      this.#forms.set(base64, `[${name}]`);
      this.#forms.set(base64.replace(/=+$/, ""), `[${name}]`);
      this.#forms.set(Buffer.from(value).toString("base64url"), `[${name}]`);
    }
    return value;
  }

  /** `text` without any secret. The longest goes first, for one may be a part of another. */
  redact(text: string): string {
    const forms = [...this.#forms].sort(([a], [b]) => b.length - a.length);
    if (forms.length === 0) return text;
    const pattern = new RegExp(forms.map(([form]) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
    return text.replace(pattern, (form) => this.#forms.get(form)!);
  }
}
