/**
 * Postgres refuses to run as root; as root, it runs as nobody.
 *
 * @module
 */
import { execFileSync, spawnSync } from "node:child_process";
import { userInfo } from "node:os";
import { Failure } from "./failure.ts";

export interface Demotion {
  /** Arguments of `setpriv` for a child that must not be root. */
  privileges: readonly string[];
  /** What to run before the program, after `setpriv … --`. */
  prefix: readonly string[];
  /** Gives a folder to the user that the program will run as. */
  own(path: string): void;
}

const NOBODY = "65534";

/** nobody may still pass through folders that only root may enter, so the checkout can be anywhere. */
const AS_NOBODY = [
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  "--clear-groups",
  "--securebits=+no_setuid_fixup", // or else access(2) would not count the capability
  "--inh-caps=+dac_override",
  "--ambient-caps=+dac_override",
];
/** For a root that owns no other user id (some rootless containers): a user namespace in which we look like nobody. */
const IN_NAMESPACE = ["unshare", "--user", `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, "--"];

let found: Demotion | undefined;

/** @throws {Failure} when this user cannot run Postgres in any way. */
export function demotion(): Demotion {
  return found ??= find();
}

function find(): Demotion {
  if (process.getuid?.() !== 0) {
    needName();
    return { privileges: ["--no-new-privs"], prefix: [], own: () => {} };
  }
  if (works(["setpriv", ...AS_NOBODY, "--", "true"])) {
    return {
      privileges: AS_NOBODY,
      prefix: [],
      own: (path) => void execFileSync("chown", ["-R", `${NOBODY}:${NOBODY}`, path]),
    };
  }
  if (works([...IN_NAMESPACE, "true"])) return { privileges: ["--no-new-privs"], prefix: IN_NAMESPACE, own: () => {} };
  throw new Failure(
    "Postgres must not run as root, and this root may neither become another user nor make a user namespace.",
    "Run as an ordinary user, or give the container CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_CHOWN and CAP_DAC_OVERRIDE.",
  );
}

/** initdb wants to know what its user is called. */
function needName(): void {
  try {
    userInfo();
  } catch (error) {
    throw new Failure(
      `Postgres cannot start as a user without a name, and user id ${process.getuid?.()} is not in /etc/passwd.`,
      "Run as a user that is, or as root.",
      error,
    );
  }
}

const works = ([program, ...args]: string[]) => spawnSync(program!, args, { stdio: "ignore" }).status === 0;
