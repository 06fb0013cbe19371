import { setImmediate } from "node:timers/promises";
import { afterEach } from "vitest";

// Most tests wait for their programs, and vitest's messages wait meanwhile. It gives up on a worker that reads none for a
// minute, so each is read between two tests.
afterEach(() => setImmediate());
