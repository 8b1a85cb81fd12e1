import { expect, test } from "vitest";
import { RpcError } from "../../../functions/_shared/errors.ts";

test.for([["40001", 503], ["40P01", 503], ["23505", 500], ["TG004", 429]] as const)(
  "SQLSTATE %s becomes %i",
  ([code, status]) => expect(new RpcError({ code, message: "" }, 500).status).toBe(status),
);
