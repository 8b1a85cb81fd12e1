/** Before each file that runs on the package: in watch mode, the sources may have changed since it was built. */
import { inject } from "vitest";
import { currentPackage } from "./package.ts";

if (currentPackage().dir !== inject("package").dir) {
  throw new Error("The sources have changed since the package was built. Start the tests again.");
}
