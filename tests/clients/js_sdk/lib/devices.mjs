/* Devices come, get the keys of what was said before, run out of one-time keys, and go. */

import assert from "node:assert/strict";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { bodies, event, timeline } from "./people.mjs";
import { reads, say } from "./rooms.mjs";
import { compareEmoji, nextRequest, ready } from "./trust.mjs";
import { eventually, until } from "./waiting.mjs";

const MOST_ONE_TIME_KEYS = 200; // a device uploads 50, and may be about to upload more

/** A new device is seen by others, verified by the old one, sent its secrets, and reads history from the backup. */
export async function addDevice(user, old, friend, roomId, options) {
    const device = await user.newDevice(options);
    await knowsDevice(friend, device, true);
    assert.equal(await signedByOwner(friend, device), false);
    const { eventId } = await say(friend, roomId, "welcome on your new device");
    await reads(device, roomId, eventId, "welcome on your new device");
    assert.equal(await device.getCrypto().getSessionBackupPrivateKey(), null);

    await backedUp(old);
    const incoming = nextRequest(old);
    await compareEmoji(await device.getCrypto().requestOwnUserVerification(), incoming);
    await ready(device);
    await eventually("the friend to see the signature", () => signedByOwner(friend, device));
    await eventually("the backup's key from the old device", () => device.getCrypto().getSessionBackupPrivateKey());
    await readsHistory(device, old, roomId);
    return device;
}

/** A new device that nobody verifies: the recovery key opens secret storage, that the backup, and that history. */
export async function recover(user, old, friend, roomId, options) {
    const { eventId } = await say(friend, roomId, "before the third device");
    await reads(old, roomId, eventId, "before the third device");
    await backedUp(old);
    const device = await user.newDevice(options);
    const crypto = device.getCrypto();
    await openStorage(user, device);
    await ready(device);
    await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    const { imported, total } = await crypto.restoreKeyBackup();
    assert.equal(imported, total);
    assert.ok(imported >= 2, `only ${imported} sessions were in the backup`);
    await readsHistory(device, old, roomId);
    await eventually("the friend to see the signature", () => signedByOwner(friend, device));
    return device;
}

/** Takes the cross-signing keys out of secret storage, with the recovery key. */
export async function openStorage(user, device) {
    assert.equal(await device.getCrypto().userHasCrossSigningKeys(user.userId, true), true);
    await device.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: user.confirm });
}

const signedByOwner = async (client, device) =>
    (await client.getCrypto().getDeviceVerificationStatus(device.getUserId(), device.getDeviceId()))?.signedByOwner;

/** Every session that the client knows is in the backup. */
export const backedUp = (client) =>
    eventually("every session to be backed up", async () => {
        const version = await client.getCrypto().getActiveSessionBackupVersion();
        if (version === null) return false;
        const known = await client.getCrypto().exportRoomKeys();
        const prefix = "/_matrix/client/v3";
        const { rooms } = await client.http.authedRequest("GET", "/room_keys/keys", { version }, undefined, { prefix });
        return known.every((session) => rooms[session.room_id]?.sessions[session.session_id]);
    });

/** The client has the other device in its list, or not (any more), told by the sync alone. */
export async function knowsDevice(client, device, expected) {
    await eventually(`the device to be ${expected ? "known" : "forgotten"}`, async () => {
        const known = await client.getCrypto().getUserDeviceInfo([device.getUserId()]);
        return Boolean(known.get(device.getUserId())?.has(device.getDeviceId())) === expected;
    });
}

/** The new device reads everything that the old one reads. */
async function readsHistory(device, old, roomId) {
    const room = device.getRoom(roomId);
    while (room.oldState.paginationToken !== null) await device.scrollback(room, 50);
    await room.decryptAllEvents();
    await eventually("history to be readable", () =>
        !timeline(device, roomId).some((one) => one.isDecryptionFailure() || one.isBeingDecrypted()));
    const read = new Set(bodies(device, roomId));
    const missing = bodies(old, roomId).filter((body) => !read.has(body));
    assert.deepEqual(missing, []);
}

/** Nobody's one-time keys are left, but a device that is new to this one still reaches it, by its fallback key. */
export async function fallBack(user, other, sleeper, roomId, options) {
    sleeper.network.cut();
    const [userId, deviceId] = [sleeper.getUserId(), sleeper.getDeviceId()];
    const newcomer = await user.newDevice(options);
    await useUpKeys(newcomer, userId, deviceId);
    const { eventId } = await say(newcomer, roomId, "you have slept long");
    sleeper.network.restore();
    await reads(sleeper, roomId, eventId, "you have slept long");
    await newcomer.logout(true);
    await knowsDevice(other, newcomer, false);
}

/** Claims the device's one-time keys until its fallback key comes; the IDs of all. */
export async function useUpKeys(client, userId, deviceId) {
    const claimed = new Map();
    for (let claim = 0; claim < MOST_ONE_TIME_KEYS && !usedUp(claimed); claim++) {
        const { one_time_keys: keys } = await client.claimOneTimeKeys([[userId, deviceId]], "signed_curve25519");
        for (const [id, key] of Object.entries(keys[userId][deviceId])) {
            assert.ok(key.fallback || !claimed.has(id), `the one-time key ${id} was given twice`);
            claimed.set(id, key);
        }
    }
    assert.ok(usedUp(claimed), `after ${claimed.size} one-time keys no end is in sight`);
    return [...claimed.keys()];
}

const usedUp = (claimed) => [...claimed.values()].some((key) => key.fallback);

/** A device that has logged out is forgotten, and gets no more keys: its owner's friends begin new sessions. */
export async function loseDevice(lost, kept, friend, roomId) {
    const before = await say(friend, roomId, "to all your devices");
    await reads(kept, roomId, before.eventId, "to all your devices");
    assert.equal((await say(friend, roomId, "and again")).sessionId, before.sessionId);
    await lost.logout(true);
    await knowsDevice(friend, lost, false);
    const after = await say(friend, roomId, "only to those you have");
    assert.notEqual(after.sessionId, before.sessionId, "a lost device can read on");
    await reads(kept, roomId, after.eventId, "only to those you have");
}

/** While the user has no other device at all, a dehydrated one takes the keys of what is said. */
export async function dehydrate(user, devices, friend, roomId, options) {
    const [last, ...others] = devices;
    for (const device of others) await device.logout(true);
    assert.equal(await last.getCrypto().isDehydrationSupported(), true);
    await last.getCrypto().startDehydration();
    await last.logout(true);
    await eventually("only the dehydrated device to be left", async () => {
        const known = (await friend.getCrypto().getUserDeviceInfo([user.userId])).get(user.userId);
        return known?.size === 1 && [...known.values()][0].dehydrated;
    });
    const { eventId } = await say(friend, roomId, "while you were away");

    const device = await user.newDevice(options);
    await openStorage(user, device);
    await until("the message", device, ["Room.timeline", "sync"], () => event(device, roomId, eventId));
    const rehydrated = new Promise((resolve) => device.once(CryptoEvent.RehydrationCompleted, resolve));
    await device.getCrypto().startDehydration();
    await rehydrated;
    await reads(device, roomId, eventId, "while you were away");
}
