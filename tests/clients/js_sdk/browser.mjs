/*
 * Two profiles of Chromium, each with a page that is a small client, exchange encrypted messages and a picture.
 *
 *     node browser.mjs http://127.0.0.1:8008 http://127.0.0.1:8009
 *
 * The servers may be one. On both, registration must be open, with `m.login.dummy` as its only stage.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { openProfiles } from "./lib/profiles.mjs";
import { serveSite } from "./lib/site.mjs";

const [, , aliceBase, bobBase] = process.argv;
const site = await serveSite();
await openProfiles(2, async ([alice, bob]) => {
    const aliceId = await enter(alice, aliceBase, "alice");
    const bobId = await enter(bob, bobBase, "bob");
    const roomId = await alice.do("openRoom", bobId);
    await bob.do("join", roomId);
    await alice.do("knows", roomId, bobId);
    await bob.do("knows", roomId, aliceId);

    await converse(alice, bob, roomId);
    const picture = await exchangePicture(alice, bob, roomId);
    await comeBack(bob, roomId, picture);
    await converse(alice, bob, roomId);
    await exchangePicture(bob, alice, roomId);

    for (const profile of [alice, bob]) {
        assert.deepEqual(profile.complaints, []);
        assert.deepEqual(await profile.do("logout"), []);
    }
});
console.log("told to the end");
process.exit(0);

/** Opens the page, registers, and starts to sync. */
async function enter(profile, base, kind) {
    await profile.open(site);
    const userId = await profile.do("register", base, kind + randomBytes(4).toString("hex"), randomBytes(9).toString("hex"));
    await profile.do("start");
    return userId;
}

async function converse(alice, bob, roomId) {
    for (const [speaker, listener] of [[alice, bob], [bob, alice]]) {
        const text = `${randomBytes(4).toString("hex")} ✓`;
        const eventId = await speaker.do("say", roomId, text);
        assert.equal((await listener.do("read", roomId, eventId)).body, text);
    }
}

async function exchangePicture(sender, receiver, roomId) {
    const sent = await sender.do("sendPicture", roomId, 320, 240);
    const shown = await receiver.do("showPicture", roomId, sent.eventId);
    assert.deepEqual(shown, { width: 320, height: 240, sha256: sent.sha256 });
    return sent;
}

/** After a reload the page goes on as the same device, with the keys that it had: it still reads the picture. */
async function comeBack(profile, roomId, picture) {
    await profile.page.reload();
    const { rooms } = await profile.do("start");
    assert.deepEqual(rooms, [roomId]);
    const shown = await profile.do("showPicture", roomId, picture.eventId);
    assert.equal(shown.sha256, picture.sha256);
}
