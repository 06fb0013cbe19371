import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // A test that runs bash takes a second, and ten on a machine that builds a kernel beside it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    setupFiles: "test/support/between-tests.ts",
  },
});
