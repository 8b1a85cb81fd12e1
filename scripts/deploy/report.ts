/** What a person sees: a line for each step, with its time. Nothing is written but through here. */
import { Failure } from "../stack/failure.ts";
import type { Redactor } from "./redact.ts";

const GREEN = 32;
const RED = 31;
const YELLOW = 33;
const GREY = 2;

/** What a step has to say. `notes` want a person's attention, but stop nothing. */
export interface Told {
  detail: string;
  notes?: string[];
}

export class Report {
  readonly #redactor: Redactor;
  readonly #colours: boolean;
  readonly #write: (text: string) => void;

  constructor(redactor: Redactor, { colours, write }: { colours: boolean; write: (text: string) => void }) {
    this.#redactor = redactor;
    this.#colours = colours;
    this.#write = write;
  }

  /** Runs a step and says how it went. What it throws goes on, after its line. */
  async step(name: string, run: () => Promise<Told>, mark = "✓"): Promise<void> {
    const began = performance.now();
    const time = () => this.#paint(GREY, `${((performance.now() - began) / 1000).toFixed(1)} s`.padStart(7));
    try {
      const { detail, notes = [] } = await run();
      this.say(`${this.#paint(GREEN, mark)} ${name.padEnd(18)}${time()}  ${detail}`);
      for (const note of notes) this.say(`  ${this.#paint(YELLOW, "!")} ${note}`);
    } catch (error) {
      this.say(`${this.#paint(RED, "✗")} ${name.padEnd(18)}${time()}`);
      throw error;
    }
  }

  say(line: string): void {
    this.#write(`${this.#redactor.redact(line)}\n`);
  }

  failure(error: unknown): void {
    if (error instanceof Failure) return this.say(`\n${error.message}\n\nWhat to do: ${error.todo}`);
    this.say(`\n${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    this.say("\nThis is a mistake in npm run deploy. It can be run again at any time.");
  }

  #paint(colour: number, text: string): string {
    return this.#colours ? `\x1b[${colour}m${text}\x1b[0m` : text;
  }
}
