/**
 * The thread beside the event loop that {@link openHangWatch} looks after.
 *
 * @module
 */
import { writeSync } from "node:fs";
import { type Debugger, Session } from "node:inspector";
import { SourceMap } from "node:module";
import process from "node:process";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { Watched } from "./hang.ts";

const { beats } = workerData as { beats: Int32Array };
const LOOK_MS = 250;
/** Looks in a row without a beat. Counted, so that a process that was asleep is not taken for one that hangs. */
const LOOKS = 8;
const STACK_MS = 2_000;

const names = untilHung();
heldBy().then((frames) => {
  const lines = [
    "",
    `${names.join(", ")}: time is up, and code that never awaits holds this process.`,
    ...frames.map((frame) => `    at ${frame}`),
    ...frames[0]?.includes("functions/synthetic/expect/") ? ["That is a `matches` of its expectations."] : [],
    "",
    "What to do: look there for a loop without an end, or a regular expression that tries too much. The process is ended,",
    "for nothing else can end this. A live run goes on with --resume, and is taken back with --stop.",
    "",
  ];
  writeSync(2, lines.join("\n"));
  process.kill(process.pid, "SIGKILL");
});

/** Waits; returns whose time is up then. */
function untilHung(): string[] {
  let running: Watched = [];
  for (let seen = 0, silent = 0;;) {
    silent = Atomics.wait(beats, 0, seen, LOOK_MS) === "timed-out" ? silent + 1 : 0;
    seen = Atomics.load(beats, 0);
    for (let told; (told = receiveMessageOnPort(parentPort!));) running = told.message;
    const late = running.filter(([, until]) => Date.now() > until).map(([name]) => name);
    if (silent >= LOOKS && late.length > 0) return late;
  }
}

/** The innermost places in the author's code that run now, as `name (file:line)`; none when that cannot be told. */
function heldBy(): Promise<string[]> {
  const scripts = new Map<string, Debugger.ScriptParsedEventDataType>();
  const session = new Session();
  session.connectToMainThread();
  return new Promise((resolve) => {
    setTimeout(resolve, STACK_MS, []);
    session.on("Debugger.scriptParsed", ({ params }) => scripts.set(params.scriptId, params));
    session.on("Debugger.paused", ({ params }) => {
      const places = params.callFrames.map(({ functionName, location }) => {
        const script = scripts.get(location.scriptId);
        return script && !script.url.startsWith("node:") ? placeOf(functionName, location, script) : undefined;
      });
      resolve(places.filter((place) => place !== undefined).slice(0, 5));
    });
    session.post("Debugger.enable");
    session.post("Debugger.pause");
  });
}

function placeOf(
  name: string,
  { lineNumber, columnNumber = 0 }: Debugger.Location,
  { url, sourceMapURL = "" }: Debugger.ScriptParsedEventDataType,
): string {
  const json = /^data:application\/json[^,]*;base64,(.*)$/s.exec(sourceMapURL)?.[1];
  const entry = json &&
    new SourceMap(JSON.parse(Buffer.from(json, "base64").toString())).findEntry(lineNumber, columnNumber);
  const line = entry && "originalLine" in entry ? entry.originalLine : lineNumber;
  return `${name || "a function"} (${url.replace(/^file:\/\//, "").replace(`${process.cwd()}/`, "")}:${line + 1})`;
}
