import * as pulumi from "@pulumi/pulumi";
import debuggable from "@pulumi/pulumi/runtime/debuggable.js";
import { announcementMark } from "../../components/machine/step.ts";

const { debug } = pulumi.log;

/**
 * Has the SDK keep to itself what it notes for who debugs it: several calls of the engine for each resource, one after
 * the other, and one of them with all that the state has of it. Whoever asks pulumi for them has no companion. Steps are
 * announced all the same.
 */
Object.assign(pulumi.log, {
  debug: (...words: Parameters<typeof debug>) =>
    words[0].startsWith(announcementMark) ? debug(...words) : Promise.resolve(),
});

/** Nor does it note of each promise where it was made: thousands of stack traces, for a page on promises that are left. */
Object.assign(debuggable, { debuggablePromise: <T>(promise: Promise<T>) => promise });
