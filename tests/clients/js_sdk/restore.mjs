/*
 * The server is restored from a backup while people talk: they go on as the clients they are, with the keys they have.
 *
 *     node restore.mjs http://127.0.0.1:8008 python3
 *
 * Registration must be open, with `m.login.dummy` as its only stage. The line "!backup" asks for a backup, "!restore" for
 * the server's end and its return from that backup; a line of input says that it is done.
 */

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { joinCircle, openCircle } from "./lib/circle.mjs";
import { backedUp, openStorage, useUpKeys } from "./lib/devices.mjs";
import { directed } from "./lib/director.mjs";
import { startPartner } from "./lib/partner.mjs";
import { register } from "./lib/people.mjs";
import { reads, say } from "./lib/rooms.mjs";
import { bootstrap, ready } from "./lib/trust.mjs";
import { until } from "./lib/waiting.mjs";

const [, , base, python] = process.argv;
const bySync = { crypto: true, stored: true }, bySliding = { ...bySync, sliding: true };
const [[alice, bob, carol, dave, erin], partner] = await Promise.all([
    Promise.all(["alice", "bob", "carol", "dave", "erin"].map((name) => register(base, name))),
    startPartner(python, base),
]);
const [alices, bobs, carols, daves, erins] = await Promise.all([
    alice.newDevice(bySync), bob.newDevice(bySliding), carol.newDevice(bySync), dave.newDevice(bySync),
    erin.newDevice(bySliding),
]);
await Promise.all([[alice, alices], [bob, bobs], [carol, carols]].map(([user, client]) => bootstrap(user, client)));

// In the parlour people and devices come and go. The study is quiet, so that sessions last.
const parlour = await openCircle("Parlour", [alices, bobs, daves], partner, [erin.userId]);
const study = await openCircle("Study", [alices, carols], partner);
const phone = await carol.newDevice(bySync);
await openStorage(carol, phone);
await ready(phone);
await study.admits(phone);
for (const circle of [parlour, study]) await circle.talks("before the backup");

// What is on its way to Carol's phone when the backup is made arrives after that, and is in the backup all the same.
phone.network.cut();
const onItsWay = await anew(alices, study.roomId, "on its way");
await directed("backup");
phone.network.restore();
await reads(phone, study.roomId, onItsWay.eventId, "on its way");

// Lost time begins: nothing of it is in the backup.
phone.network.cut();
study.clients.pop();
await useUpKeys(daves, carol.userId, phone.getDeviceId());
const lost = await anew(alices, study.roomId, "said in lost time");
await study.talks("after the backup");
await anew(bobs, parlour.roomId, "a new session");
await parlour.talks("after the backup");
const tablet = await bob.newDevice(bySliding);
await parlour.admits(tablet);
await parlour.talks("with the tablet");
parlour.clients.pop();
await bobs.getCrypto().resetKeyBackup();
await Promise.all([bobs, carols].map(backedUp));
await joinCircle(erins, parlour.roomId);
await parlour.admits(erins);
await parlour.hearsFrom(alices, "welcome, Erin");
await daves.leave(parlour.roomId);
parlour.clients = parlour.clients.filter((client) => client !== daves);
await until("Dave's leaving", alices, ["RoomState.members"],
    () => alices.getRoom(parlour.roomId).getMember(dave.userId).membership === "leave");
await parlour.talks("without Dave");

const signedOut = new Promise((resolve) => tablet.once("Session.logged_out", resolve));
await directed("restore");

// The tablet is unknown to the server, and told so clearly.
const refusal = await signedOut;
assert.equal(refusal.errcode, "M_UNKNOWN_TOKEN");
assert.ok(!refusal.data.soft_logout);
tablet.stopClient();

// Dave is in the parlour again, and Erin invited.
await until("Dave's return", daves, ["Room.myMembership", "sync"],
    () => daves.getRoom(parlour.roomId).getMyMembership() === "join");
parlour.clients.push(daves);
await joinCircle(erins, parlour.roomId);
for (const client of parlour.clients) await parlour.isKnownTo(client);

// In the study the session of lost time goes on.
assert.equal((await study.hearsFrom(alices, "where were we?")).sessionId, lost.sessionId);
for (const circle of [parlour, study]) await circle.talks("after the restore");

// Bob's tablet comes back as another device. His backup is again that which the recovery key opens.
const newTablet = await bob.newDevice(bySliding);
await parlour.admits(newTablet);
await parlour.talks("with the tablet again");
await backedUp(bobs);
await openStorage(bob, newTablet);
await ready(newTablet);
await newTablet.getCrypto().loadSessionBackupPrivateKeyFromSecretStorage();
await newTablet.getCrypto().restoreKeyBackup();

// Carol's phone was away all the time. No key of it is given to two, and what it was not sent in lost time comes into
// Carol's backup with the next key that her client has to back up.
const { one_time_keys: given } = await daves.claimOneTimeKeys([[carol.userId, phone.getDeviceId()]], "signed_curve25519");
assert.ok(Object.values(given[carol.userId][phone.getDeviceId()]).every((key) => key.fallback));
await anew(carols, study.roomId, "a key for the backup");
await backedUp(carols);
phone.network.restore();
study.clients.push(phone);
await study.talks("with the phone");
for (const circle of [parlour, study]) await circle.isReadable();
console.log("told to the end");
process.exit(0);

/** Says something in a session that begins with it. */
async function anew(client, roomId, text) {
    await client.getCrypto().forceDiscardSession(roomId);
    return say(client, roomId, text);
}
