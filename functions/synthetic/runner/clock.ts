/**
 * The clock of a scenario: it begins at the same moment each time, and between two turns a minute goes by.
 *
 * Live it goes on with the real time; in a replay by what each call was recorded to take.
 *
 * @module
 */
export interface Clock {
  /** Epoch milliseconds. */
  now: () => number;
  /** What a call was recorded to take. */
  advance: (ms: number) => void;
  /** Epoch milliseconds that stand still while the runner holds the bot up, as when it waits for its own books. */
  worked: () => number;
  /** Holds until what it returns is called. */
  hold: () => () => void;
  /** A person takes a while to read and to write. */
  nextTurn: () => void;
}

const START = Date.UTC(2026, 0, 1, 12);
const TURN_MS = 60_000;

/** @param runs Whether real time counts. */
export function openClock(runs: boolean): Clock {
  const start = performance.now();
  let turned = false;
  let virtual = 0;
  let holds = 0;
  let heldSince = 0;
  let held = 0;
  const at = (real: number) => START + Math.round(virtual + (runs ? real - start : 0));
  return {
    now: () => at(performance.now()),
    worked: () => at((holds > 0 ? heldSince : performance.now()) - held),
    hold: () => {
      if (holds++ === 0) heldSince = performance.now();
      return () => {
        if (--holds === 0) held += performance.now() - heldSince;
      };
    },
    advance: (ms) => void (virtual += Math.max(0, ms)),
    nextTurn: () => {
      if (turned) virtual += TURN_MS;
      turned = true;
    },
  };
}
