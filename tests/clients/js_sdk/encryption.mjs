/*
 * Alice and Bob, each on a homeserver, have an encrypted room, verify each other, and change devices.
 *
 *     node encryption.mjs http://127.0.0.1:8008 http://127.0.0.1:8009 sync
 *
 * The servers may be one, and `sliding` stands for sliding sync. On both, registration must be open, with
 * `m.login.dummy` as its only stage.
 */

import assert from "node:assert/strict";
import { register } from "./lib/people.mjs";
import { addDevice, dehydrate, fallBack, loseDevice, recover } from "./lib/devices.mjs";
import { converse, openEncryptedRoom, reads, say, shareHistory, takeBack } from "./lib/rooms.mjs";
import { bootstrap, compareEmoji, nextRequest, trusts } from "./lib/trust.mjs";

const [, , aliceBase, bobBase, how] = process.argv;
const options = { crypto: true, sliding: how === "sliding" };

const alice = await register(aliceBase, "alice");
const bob = await register(bobBase, "bob");
const first = await alice.newDevice(options);
const bobs = await bob.newDevice(options);
await bootstrap(alice, first);
await bootstrap(bob, bobs);

const roomId = await openEncryptedRoom(first, bobs);
await converse(first, bobs, roomId);
await verifyEachOther();
await takeBack(first, bobs, roomId);
await shareHistory(first, bobs);

const second = await addDevice(alice, first, bobs, roomId, options);
const third = await recover(alice, second, bobs, roomId, options);
await fallBack(bob, bobs, third, roomId, options);
await loseDevice(second, third, bobs, roomId);
await dehydrate(alice, [first, third], bobs, roomId, options);
console.log("told to the end");
process.exit(0);

async function verifyEachOther() {
    const incoming = nextRequest(bobs);
    const asked = await first.getCrypto().requestVerificationDM(bob.userId, roomId);
    await compareEmoji(asked, incoming);
    await trusts(first, bob.userId);
    await trusts(bobs, alice.userId);
    const { eventId } = await say(first, roomId, "is it really you?");
    const event = await reads(bobs, roomId, eventId, "is it really you?");
    const { shieldColour } = await bobs.getCrypto().getEncryptionInfoForEvent(event);
    assert.equal(shieldColour, 0, "a verified user's message has a shield");
}
