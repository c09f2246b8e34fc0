/*
 * Two people who have accounts already sign in, each in a profile of Chromium, and exchange encrypted messages.
 *
 *     node first_words.mjs http://127.0.0.1:8008 rosa "her password" emil "his password"
 */

import assert from "node:assert/strict";
import { openProfiles } from "./lib/profiles.mjs";
import { serveSite } from "./lib/site.mjs";

const [, , base, ...people] = process.argv;
const site = await serveSite();
await openProfiles(2, async ([owner, guest]) => {
    const ownerId = await enter(owner, people[0], people[1]);
    const guestId = await enter(guest, people[2], people[3]);
    const roomId = await owner.do("openRoom", guestId);
    await guest.do("join", roomId);
    await owner.do("knows", roomId, guestId);
    await guest.do("knows", roomId, ownerId);
    await hears(owner, guest, roomId, "Welcome!");
    await hears(guest, owner, roomId, "It is nice here.");
    for (const profile of [owner, guest]) assert.deepEqual(profile.complaints, []);
});
console.log("told to the end");
process.exit(0);

/** Opens the page, signs in, and starts to sync. */
async function enter(profile, user, password) {
    await profile.open(site);
    const userId = await profile.do("logIn", base, user, password);
    await profile.do("start");
    return userId;
}

async function hears(speaker, listener, roomId, text) {
    const eventId = await speaker.do("say", roomId, text);
    assert.equal((await listener.do("read", roomId, eventId)).body, text);
}
