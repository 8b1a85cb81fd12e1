/** What a benchmark is given. */
import type { Clusters } from "./cluster.ts";
import type { Dataset } from "./data.ts";
import type { Measurement } from "./measure.ts";

export type Size = "small" | "full";

export interface Context {
  size: Size;
  clusters: Clusters;
  /** Two sets of thirty days, loaded once a run: what a product that scales cannot tell apart. */
  datasets(): Promise<{ few: Dataset; many: Dataset }>;
  /** Says on stderr what is going on; `share`, 0..1, how much of it is done. */
  progress(what: string, share?: number): void;
  report(measurement: Measurement): void;
}

export type Benchmark = (context: Context) => Promise<void>;
