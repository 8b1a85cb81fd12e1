/** `npm run scenario`, as a function: what it is told, and its exit code. */
import { parseArgs } from "node:util";
import { RpcError } from "../../functions/_shared/errors.ts";
import { Redactor } from "../deploy/redact.ts";
import { Failure } from "../stack/failure.ts";
import { connect } from "./connect.ts";
import { shown, SYNTHETIC } from "./folder.ts";
import { fromTrace } from "./from_trace.ts";
import { refreshIndex } from "./index_file.ts";
import { Invalid, problemLine } from "./problem.ts";
import { tsTemplate, yamlTemplate } from "./template.ts";
import { writeScenario } from "./write.ts";

export const HELP =
  `Scenarios of synthetic tests, in functions/synthetic/scenarios/. docs/synthetic.md says what they can say.

  npm run scenario -- new <name>           a new one in YAML, to be edited; --ts in TypeScript. Names: a-z, 0-9 and -
  npm run scenario -- from <trace> [name]  a new one from a trace and what is kept of its requests, by its id or the
                                           first characters; from the project of .env, with --local from the local stack
  npm run scenario -- index                holds all against the rules, and makes scenarios/all.ts, which is what runs
  npm run scenario -- index --check        only says whether it would be another

All of them refresh scenarios/all.ts. Exit code 0; 1 when something is wrong or stale; 2 when this help would have helped.`;

export interface Cli {
  say: (line: string) => void;
  complain: (line: string) => void;
  env: Record<string, string | undefined>;
  /** In place of functions/synthetic/ */
  dir?: string;
}

/** Resolves to the exit code. */
export async function run(args: string[], cli: Cli): Promise<number> {
  const redactor = new Redactor();
  const complain = (line: string) => cli.complain(redactor.redact(line));
  let parsed: Parsed;
  try {
    parsed = parse(args);
  } catch (error) {
    complain(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  try {
    await act(parsed, cli, redactor);
    return 0;
  } catch (error) {
    if (error instanceof Invalid) {
      for (const problem of error.problems) complain(problemLine(problem));
      complain("\nWhat to do: change these files, then npm run scenario -- index");
    } else if (error instanceof Failure) complain(`${error.message}\n\nWhat to do: ${error.todo}`);
    else if (error instanceof RpcError) {
      complain(
        `The database refuses: ${error.code} ${error.message}\n\nWhat to do: ${error.hint ?? "try again in a moment."}`,
      );
    } else throw error;
    return 1;
  }
}

type Parsed = ReturnType<typeof parse>;

function parse(args: string[]) {
  const { values, positionals: [command = "", ...rest] } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ts: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      local: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const takes: Record<string, { least: number; most: number; flag: string }> = {
    new: { least: 1, most: 1, flag: "ts" },
    from: { least: 1, most: 2, flag: "local" },
    index: { least: 0, most: 0, flag: "check" },
  };
  if (values.help || command === "help") return { command: "help", rest, values };
  const wanted = Object.hasOwn(takes, command) ? takes[command] : undefined;
  if (!wanted) throw new Error(command === "" ? "What is to be done?" : `There is no \`${command}\`.`);
  if (rest.length < wanted.least) {
    throw new Error(`\`${command}\` wants ${command === "new" ? "a name" : "a trace id"}.`);
  }
  if (rest.length > wanted.most) throw new Error(`Unknown: ${rest.slice(wanted.most).join(" ")}`);
  const flags = (["ts", "check", "local"] as const).filter((flag) => values[flag] && flag !== wanted.flag);
  if (flags.length > 0) throw new Error(`\`${command}\` does not take --${flags[0]}.`);
  return { command, rest, values };
}

async function act(
  { command, rest: [first = "", second], values }: Parsed,
  cli: Cli,
  redactor: Redactor,
): Promise<void> {
  const { say, complain, env, dir = SYNTHETIC } = cli;
  switch (command) {
    case "help":
      return say(HELP);
    case "new": {
      const ending = values.ts ? "ts" : "yaml";
      say(`Wrote ${shown(writeScenario(dir, first, ending, values.ts ? tsTemplate(first) : yamlTemplate(first)))}`);
      break;
    }
    case "from": {
      const { db, where } = await connect(env, redactor, { local: values.local });
      const path = await fromTrace(dir, db, first, second);
      say(`Wrote ${shown(path)} from ${where}. Read it before you commit it: a person wrote what is in it.`);
      break;
    }
  }
  const { path, changed, scenarios, recorded } = await refreshIndex(dir, { check: values.check });
  if (changed && values.check) {
    throw new Failure(`${shown(path)} is older than the scenarios or recordings.`, "npm run scenario -- index");
  }
  for (const todo of scenarios.flatMap(({ todos }) => todos)) complain(problemLine(todo));
  const smoke = scenarios.filter(({ scenario }) => scenario.smoke).length;
  say(
    `${shown(path)} ${
      changed ? "has" : "had"
    } all ${scenarios.length} scenarios, ${smoke} smoke, ${recorded.length} recorded`,
  );
}
