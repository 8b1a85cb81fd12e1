/** Stub of part ENGINE. */
import type { Role } from "../_shared/db.ts";

const ROLES: readonly Role[] = ["viewer", "operator", "owner"];

export const allows = (has: Role, needs: Role): boolean => ROLES.indexOf(has) >= ROLES.indexOf(needs);
