/* Who runs the story, and does what no client can: makes a backup of the server, restores it. */

import assert from "node:assert/strict";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks for it, and waits until it is done. */
export async function directed(what) {
    console.log(`!${what}`);
    const { done } = await lines.next();
    assert.ok(!done, `nobody has done “${what}”`);
}
