/** What is going on, on stderr: one line that changes on a terminal, elsewhere a line for each thing that is begun. */
import process from "node:process";

let shown = "";

/** Without `what`: that is over. `share` is 0..1. */
export function progress(what = "", share?: number): void {
  if (process.stderr.isTTY) {
    const percent = share === undefined ? "" : ` ${Math.floor(100 * share)} %`;
    process.stderr.write(`\r\x1b[K${what === "" ? "" : `${what} …${percent}`}`);
  } else if (what !== "" && what !== shown) {
    process.stderr.write(`${what} …\n`);
  }
  shown = what;
}
