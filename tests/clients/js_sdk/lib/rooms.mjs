/* Encrypted rooms and what is said in them. */

import assert from "node:assert/strict";
import { room, timeline } from "./people.mjs";
import { eventually, until } from "./waiting.mjs";

export const ENCRYPTED = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };

/** An encrypted room of Alice's that Bob has joined by her invitation, before which she said the `words`. */
export async function openEncryptedRoom(alice, bob, words = []) {
    const { room_id: roomId } = await alice.createRoom({
        name: "Parlour", preset: "private_chat", visibility: "private", is_direct: true, initial_state: [ENCRYPTED],
    });
    await eventually("encryption", () => alice.getCrypto().isEncryptionEnabledInRoom(roomId));
    for (const text of words) await say(alice, roomId, text);
    await alice.invite(roomId, bob.getUserId());
    await until("the invitation", bob, ["Room", "Room.myMembership", "sync"],
        () => room(bob, roomId)?.getMyMembership() === "invite");
    await bob.joinRoom(roomId);
    for (const client of [alice, bob]) {
        await until("both in the room", client, ["RoomState.members", "RoomState.events", "Room.myMembership", "sync"],
            () => room(client, roomId)?.getMyMembership() === "join"
                && room(client, roomId).getMember(alice.getUserId())?.membership === "join"
                && room(client, roomId).getMember(bob.getUserId())?.membership === "join"
                && room(client, roomId).hasEncryptionStateEvent());
        await eventually("encryption", () => client.getCrypto().isEncryptionEnabledInRoom(roomId));
    }
    return roomId;
}

/** Who is invited gets the keys of what was said before, as a file of the media repository (MSC4268). */
export async function shareHistory(alice, bob) {
    const words = ["said before you came", "and this too"];
    const roomId = await openEncryptedRoom(alice, bob, words);
    await eventually("what was said before", async () => {
        const { chunk } = await bob.createMessagesRequest(roomId, null, 50, "b");
        const events = chunk.map(bob.getEventMapper());
        await Promise.all(events.map((one) => bob.decryptEventIfNeeded(one)));
        const read = events.map((one) => one.getContent().body);
        return words.every((text) => read.includes(text));
    });
}

/** Sends a message, and sees to it that the server has only its ciphertext; the event's ID and its session. */
export async function say(client, roomId, body) {
    const { event_id: eventId } = await client.sendTextMessage(roomId, body);
    const stored = await client.fetchRoomEvent(roomId, eventId);
    assert.equal(stored.type, "m.room.encrypted");
    assert.ok(!JSON.stringify(stored).includes(body));
    return { eventId, sessionId: stored.content.session_id };
}

/** The message arrives and can be read. */
export async function reads(client, roomId, eventId, body) {
    const found = () => timeline(client, roomId).find((one) => one.getId() === eventId);
    await until(`“${body}” to be readable to ${client.getUserId()} on ${client.getDeviceId()}`, client, ["Room.timeline", "Event.decrypted", "sync"],
        () => found()?.getContent().body === body);
    assert.ok(found().isEncrypted());
    return found();
}

/** They answer each other. */
export async function converse(alice, bob, roomId, turns = 3) {
    for (let turn = 0; turn < turns; turn++) {
        for (const [speaker, listener] of [[alice, bob], [bob, alice]]) {
            const text = `${turn} from ${speaker.getUserId()} on ${speaker.getDeviceId()} ✓`;
            const { eventId } = await say(speaker, roomId, text);
            await reads(listener, roomId, eventId, text);
        }
    }
}

/** A redaction takes the ciphertext away, for others and on the server. */
export async function takeBack(client, other, roomId) {
    const { eventId } = await say(client, roomId, "a slip of the tongue");
    const seen = await reads(other, roomId, eventId, "a slip of the tongue");
    await client.redactEvent(roomId, eventId, undefined, { reason: "a slip" });
    await until("the redaction", other, ["Room.redaction", "sync"], () => seen.isRedacted());
    const stored = await other.fetchRoomEvent(roomId, eventId);
    assert.deepEqual(stored.content, {});
    assert.equal(stored.unsigned.redacted_because.content.reason, "a slip");
}
