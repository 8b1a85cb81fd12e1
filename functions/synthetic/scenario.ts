/**
 * A scenario: a conversation with the bot, and what has to come of it. One file each in `scenarios/`, as TypeScript or YAML;
 * its name is the file's.
 *
 * `docs/scenario.schema.json` is made from these types, and YAML is held against it.
 *
 * @module
 */
import type { Seen } from "./expect/seen.ts";

/** `smoke`: cheap models, the scenarios that say so. `release`: the bot's own models, all scenarios. */
export type Tier = "smoke" | "release";

/** Models that take the place of those the bot asks for, by their names; `*` for all others. */
export type Models = Readonly<Record<string, string>>;

export interface Scenario {
  /**
   * What it shows, in a sentence.
   *
   * @minLength 1
   */
  title: string;
  /** Whether it is one of the smoke tests. @default false */
  smoke?: boolean;
  /** Instead of the tier's. */
  models?: Partial<Record<Tier, Models>>;
  /** Who talks to the bot. */
  user?: { first_name?: string; username?: string; language_code?: string };
  /** Whether equal requests of a live run are answered from the first one's answer. @default false */
  cache?: boolean;
  /**
   * Longest that it may take, in milliseconds.
   *
   * @default 60000
   * @asType integer
   * @minimum 1
   */
  timeout_ms?: number;
  /**
   * At least one.
   *
   * @minItems 1
   */
  turns: Turn[];
  /** Of the whole conversation. */
  expect?: Expect;
}

/** What the person does, one of these, and what has to come of it. */
export interface Turn {
  /** Writes a text or a command. */
  say?: string;
  /** Presses the button of this label, under the bot's last message that has it. */
  press?: string;
  /** Presses the button that carries this data. */
  press_data?: string;
  /** Sends a picture with this caption. */
  photo?: { caption?: string };
  /** Sends a file with this caption. */
  document?: { file_name: string; caption?: string };
  expect?: Expect;
}

/** All of what is named has to be so. Nothing of it may fail in the bot, unless `error` says so. */
export interface Expect {
  /** Of the bot's last message, as it reads once the turn is over. */
  text?: TextExpect | TextExpect[];
  /** Labels of the buttons that are under it, among others. */
  buttons?: string[];
  /** Of the notification that the pressed button was answered with. */
  toast?: TextExpect | TextExpect[];
  json?: JsonExpect | JsonExpect[];
  /** Names of steps, in their order; others may be between them. */
  steps?: string[];
  /** Names of steps that must not have run. */
  not_steps?: string[];
  /** Milliseconds, by step. Measured live only. */
  max_step_ms?: Record<string, number>;
  /**
   * Milliseconds until the bot has finished.
   *
   * @minimum 0
   */
  max_duration_ms?: number;
  /**
   * Dollars.
   *
   * @minimum 0
   */
  max_cost_usd?: number;
  /**
   * Input and output.
   *
   * @minimum 0
   */
  max_tokens?: number;
  /** A part of the error that the trace must have. */
  error?: string;
  judge?: Judge;
  /** A function of one's own; throws what is wrong. TypeScript only. @hidden */
  check?: (seen: Seen) => void | Promise<void>;
}

/** One or more of these. */
export interface TextExpect {
  equals?: string;
  contains?: string;
  not_contains?: string;
  /** A regular expression, such as `/order \d+/i` or `order \d+`. */
  matches?: string;
}

/** What a JSON path (RFC 9535) finds. */
export interface JsonExpect {
  /** In the bot's last message as Telegram has it, in its text read as JSON, or in the turn's last trace. @default "message" */
  of?: "message" | "text" | "trace";
  path: string;
  /** The first that is found; without this and `matches`, anything must be found. */
  equals?: unknown;
  matches?: string;
  /**
   * How many are found.
   *
   * @asType integer
   * @minimum 0
   */
  count?: number;
}

/** An LLM reads the conversation and says how well it fits, from 0 to 1. */
export interface Judge {
  /** What is to be judged, in words. */
  rubric: string;
  /**
   * Least that passes.
   *
   * @default 0.7
   * @minimum 0
   * @maximum 1
   */
  pass?: number;
}

/** A scenario under its name. */
export interface NamedScenario extends Scenario {
  name: string;
  /** First 16 hex digits of the SHA-256 of its file. */
  hash: string;
}
