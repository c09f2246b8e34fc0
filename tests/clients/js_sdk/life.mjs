/*
 * Two people use a homeserver through matrix-js-sdk, and everything they should see is asserted.
 *
 *     node life.mjs http://127.0.0.1:8008
 *
 * Registration must be open, with `m.login.dummy` as its only stage.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { bodies, createClient, event, register, room } from "./lib/people.mjs";
import { refused } from "./lib/refused.mjs";
import { until } from "./lib/waiting.mjs";

async function openRoom(alice, bob) {
    const { room_id: roomId } = await alice.createRoom({
        name: "Parlour", topic: "Tea", preset: "private_chat", visibility: "private",
    });
    await refused(bob.joinRoom(roomId), "M_FORBIDDEN");
    await alice.invite(roomId, bob.getUserId());
    await until("the invitation", bob, ["Room", "Room.myMembership"],
        () => room(bob, roomId)?.getMyMembership() === "invite");
    await bob.joinRoom(roomId);
    await until("the join", bob, ["Room.myMembership", "sync"], () => room(bob, roomId).getMyMembership() === "join");
    await until("Bob in the room", alice, ["RoomState.members", "sync"],
        () => room(alice, roomId)?.getMember(bob.getUserId())?.membership === "join");
    assert.equal(room(bob, roomId).name, "Parlour");
    assert.equal(room(bob, roomId).currentState.getStateEvents("m.room.topic", "").getContent().topic, "Tea");
    return roomId;
}

async function converse(alice, bob, roomId) {
    for (let turn = 0; turn < 5; turn++) {
        for (const [speaker, listener] of [[alice, bob], [bob, alice]]) {
            const text = `${turn} from ${speaker.getUserId()} ✓`;
            const heard = until(text, listener, ["Room.timeline"], () => bodies(listener, roomId).includes(text));
            await speaker.sendTextMessage(roomId, text);
            await heard;
        }
    }
    assert.deepEqual(new Set(bodies(alice, roomId)).size, bodies(alice, roomId).length, "a message came twice");
}

/** A second device starts with the last eight events, and scrolls back to the creation of the room. */
async function scrollBack(alice, roomId) {
    const second = await alice.newDevice();
    const timeline = () => room(second, roomId).getLiveTimeline().getEvents();
    assert.equal(timeline().length, 8);
    for (let page = 0; page < 20 && room(second, roomId).oldState.paginationToken !== null; page++) {
        await second.scrollback(room(second, roomId), 4);
    }
    assert.equal(timeline()[0].getType(), "m.room.create");
    const ids = timeline().map((one) => one.getId());
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(bodies(second, roomId).length, 10);
    await room(second, roomId).loadMembersIfNeeded();
    assert.equal(room(second, roomId).getJoinedMembers().length, 2);
    await second.logout(true);
}

async function readAndType(alice, bob, roomId) {
    const { event_id: eventId } = await alice.sendTextMessage(roomId, "have you seen this?");
    const seen = await until("the message", bob, ["Room.timeline"], () => event(bob, roomId, eventId));
    assert.ok(room(bob, roomId).getUnreadNotificationCount("total") >= 1);
    await bob.sendTyping(roomId, true, 20_000);
    await until("typing", alice, ["RoomMember.typing"], () => room(alice, roomId).getMember(bob.getUserId()).typing);
    await bob.sendTyping(roomId, false, 0);
    await until("no typing", alice, ["RoomMember.typing"], () => !room(alice, roomId).getMember(bob.getUserId()).typing);
    await bob.setRoomReadMarkers(roomId, eventId, seen);
    await until("the receipt", alice, ["Room.receipt"],
        () => room(alice, roomId).hasUserReadEvent(bob.getUserId(), eventId));
    await until("nothing unread", bob, ["Room.UnreadNotifications", "Room.receipt", "sync"],
        () => room(bob, roomId).getUnreadNotificationCount("total") === 0);
    await until("the marker", bob, ["Room.accountData", "sync"],
        () => room(bob, roomId).getAccountData("m.fully_read")?.getContent().event_id === eventId);
}

async function reactEditRedact(alice, bob, roomId) {
    const { event_id: eventId } = await alice.sendTextMessage(roomId, "teh tea");
    await until("the message", bob, ["Room.timeline"], () => event(bob, roomId, eventId));
    await bob.sendEvent(roomId, "m.reaction", {
        "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key: "🍵" },
    });
    await until("the reaction", alice, ["Room.timeline", "Event.relationsCreated"], () =>
        room(alice, roomId).relations.getChildEventsForEvent(eventId, "m.annotation", "m.reaction")
            ?.getSortedAnnotationsByKey()?.some(([key, events]) => key === "🍵" && events.size === 1));
    await alice.sendEvent(roomId, "m.room.message", {
        msgtype: "m.text", body: "* the tea", "m.new_content": { msgtype: "m.text", body: "the tea" },
        "m.relates_to": { rel_type: "m.replace", event_id: eventId },
    });
    await until("the edit", bob, ["Room.timeline", "Event.replaced"],
        () => event(bob, roomId, eventId).getContent().body === "the tea");
    const served = await bob.fetchRoomEvent(roomId, eventId);
    assert.equal(served.unsigned["m.relations"]["m.replace"].content["m.new_content"].body, "the tea");
    const edits = await bob.relations(roomId, eventId, "m.replace", "m.room.message");
    assert.equal(edits.events.length, 1);
    await alice.redactEvent(roomId, eventId, undefined, { reason: "spilt" });
    await until("the redaction", bob, ["Room.redaction"], () => event(bob, roomId, eventId).isRedacted());
    assert.deepEqual((await bob.fetchRoomEvent(roomId, eventId)).content, {});
}

async function thread(alice, bob, roomId) {
    const { event_id: rootId } = await alice.sendTextMessage(roomId, "a matter of its own");
    await until("the root", bob, ["Room.timeline"], () => event(bob, roomId, rootId));
    // Not by `sendEvent`: when a sync is faster than the answer, the library loses its echo of what is in a thread.
    const reply = (client, body) => {
        const relation = { rel_type: "m.thread", event_id: rootId };
        const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${client.makeTxnId()}`;
        return client.http.authedRequest("PUT", path, {}, { msgtype: "m.text", body, "m.relates_to": relation });
    };
    const replies = [];
    for (const [speaker, text] of [[bob, "first"], [alice, "second"]]) {
        replies.push((await reply(speaker, text)).event_id);
    }
    await until("the thread", bob, ["Room.timeline", "Thread.new", "Thread.update", "sync"],
        () => room(bob, roomId).getThread(rootId)?.events.some((one) => one.getId() === replies[1]));
    const page = await alice.relations(roomId, rootId, "m.thread", null);
    assert.deepEqual(page.events.map((one) => one.getId()).reverse(), replies);
    const summary = (await alice.fetchRoomEvent(roomId, rootId)).unsigned["m.relations"]["m.thread"];
    assert.equal(summary.count, 2);
    assert.equal(summary.latest_event.event_id, replies[1]);
    assert.equal(summary.current_user_participated, true);
    const listed = await bob.createThreadListMessagesRequest(roomId, null, 10);
    assert.deepEqual(listed.chunk.map((one) => one.event_id), [rootId]);
    await bob.sendReadReceipt(room(bob, roomId).getThread(rootId).events.find((one) => one.getId() === replies[1]));
    await until("the receipt in the thread", alice, ["Room.receipt"], () =>
        room(alice, roomId).getThread(rootId)?.hasUserReadEvent(bob.getUserId(), replies[1]));
}

async function dressUp(alice, bob, roomId) {
    const data = new Uint8Array(randomBytes(64));
    const { content_uri: picture } = await alice.uploadContent(data, { type: "image/png", name: "dot.png" });
    await alice.setDisplayName("Alice ♥");
    await alice.setAvatarUrl(picture);
    const profile = await bob.getProfileInfo(alice.getUserId());
    assert.equal(profile.displayname, "Alice ♥");
    assert.equal(profile.avatar_url, picture);
    const member = () => room(bob, roomId).getMember(alice.getUserId());
    await until("the new name and picture", bob, ["RoomState.members", "RoomMember.name", "sync"],
        () => member()?.name === "Alice ♥" && member().getMxcAvatarUrl() === picture);
    const address = bob.mxcUrlToHttp(picture, undefined, undefined, undefined, false, true, true);
    const answer = await fetch(address, { headers: { Authorization: `Bearer ${bob.getAccessToken()}` } });
    assert.equal(answer.status, 200);
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), data);
}

async function keepNotes(alice, roomId) {
    await alice.setAccountData("org.example.notes", { list: ["tea"] });
    await until("the account data", alice, ["accountData"],
        () => alice.getAccountData("org.example.notes")?.getContent().list[0] === "tea");
    await alice.setRoomTag(roomId, "m.favourite", { order: 0.5 });
    await until("the tag", alice, ["Room.tags", "sync"], () => room(alice, roomId).tags["m.favourite"]?.order === 0.5);
}

async function part(alice, bob, roomId) {
    await bob.leave(roomId);
    await until("the leave", alice, ["RoomState.members"],
        () => room(alice, roomId).getMember(bob.getUserId()).membership === "leave");
    for (const client of [alice, bob]) {
        const token = client.getAccessToken();
        await client.logout(true);
        const stale = createClient({ baseUrl: client.baseUrl, accessToken: token });
        await refused(stale.whoami(), "M_UNKNOWN_TOKEN");
    }
}

async function story(baseUrl) {
    const people = await Promise.all([register(baseUrl, "alice"), register(baseUrl, "bob")]);
    const [alice, bob] = await Promise.all(people.map((user) => user.newDevice()));
    const roomId = await openRoom(alice, bob);
    await converse(alice, bob, roomId);
    await scrollBack(people[0], roomId);
    await readAndType(alice, bob, roomId);
    await reactEditRedact(alice, bob, roomId);
    await thread(alice, bob, roomId);
    await dressUp(alice, bob, roomId);
    await keepNotes(alice, roomId);
    await part(alice, bob, roomId);
}

await story(process.argv[2]);
console.log("told to the end");
process.exit(0);
