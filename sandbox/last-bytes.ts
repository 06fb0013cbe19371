import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The last bytes of a file, so many of them or all that it has. */
export function lastBytes(file: string, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const descriptor = openSync(file, "r");
  try {
    const from = Math.max(0, fstatSync(descriptor).size - count);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, count, from));
  } finally {
    closeSync(descriptor);
  }
}
