/*
 * Alice's server is restored from a backup, and that of Bob and their friend is not: they go on to understand each other.
 *
 *     node restore_federation.mjs http://127.0.0.1:8008 http://127.0.0.1:8009 python3
 *
 * As for `restore.mjs`. What was said in lost time comes back from the other server.
 */

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { openCircle } from "./lib/circle.mjs";
import { directed } from "./lib/director.mjs";
import { startPartner } from "./lib/partner.mjs";
import { register } from "./lib/people.mjs";
import { say } from "./lib/rooms.mjs";

const [, , aliceBase, bobBase, python] = process.argv;
const options = { crypto: true, stored: true };
const [alice, bob, partner] = await Promise.all([
    register(aliceBase, "alice"), register(bobBase, "bob"), startPartner(python, bobBase),
]);
const [alices, bobs] = await Promise.all([alice.newDevice(options), bob.newDevice(options)]);
const circle = await openCircle("Parlour", [alices, bobs], partner);
await circle.talks("before the backup");
await directed("backup");

// Lost time begins: sessions are begun, and each gets one more device.
for (const client of [alices, bobs]) {
    await client.getCrypto().forceDiscardSession(circle.roomId);
    await say(client, circle.roomId, `${client.getDeviceId()} begins anew`);
}
const desktop = await bob.newDevice(options);
await circle.admits(desktop);
const tablet = await alice.newDevice(options);
await circle.admits(tablet);
await circle.talks("in lost time");
circle.clients.pop();

const signedOut = new Promise((resolve) => tablet.once("Session.logged_out", resolve));
await directed("restore");
assert.equal((await signedOut).errcode, "M_UNKNOWN_TOKEN");
tablet.stopClient();

await circle.talks("after the restore");
await circle.admits(await alice.newDevice(options));
await circle.talks("with another tablet");
// Devices that came later have read all that was said since, and nothing from before.
circle.clients = [alices, bobs];
await circle.isReadable();
console.log("told to the end");
process.exit(0);
