import type { Role } from "../_shared/db.ts";

const RANK: Record<Role, number> = { viewer: 0, operator: 1, owner: 2 };

/** Whether an admin of one role may do what another one may. */
export const allows = (has: Role, needs: Role): boolean => RANK[has] >= RANK[needs];
