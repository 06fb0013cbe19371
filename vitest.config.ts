import { defineConfig } from "vitest/config";

// A test that runs bash takes a second, and ten on a machine that builds a kernel beside it.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
