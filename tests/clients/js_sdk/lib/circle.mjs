/* A room in which many talk, encrypted. */

import assert from "node:assert/strict";
import { knowsDevice } from "./devices.mjs";
import { room, timeline } from "./people.mjs";
import { ENCRYPTED, reads, say } from "./rooms.mjs";
import { eventually, until } from "./waiting.mjs";

/** A room that the first of the clients has opened, which the others and the partner of matrix-nio have joined. */
export async function openCircle(name, [host, ...guests], partner, others = []) {
    const invite = [...guests.map((client) => client.getUserId()), partner.userId, ...others];
    const { room_id: roomId } = await host.createRoom({
        name, preset: "private_chat", visibility: "private", initial_state: [ENCRYPTED], invite,
    });
    for (const guest of guests) await joinCircle(guest, roomId);
    await partner.joins(roomId, guests.length + 2 + others.length);
    const circle = new Circle(name, roomId, [host, ...guests], partner);
    for (const client of circle.clients) await circle.isKnownTo(client);
    return circle;
}

/** The client accepts its invitation. */
export async function joinCircle(client, roomId) {
    await until("the invitation", client, ["Room", "Room.myMembership", "sync"],
        () => room(client, roomId)?.getMyMembership() === "invite");
    await client.joinRoom(roomId);
}

/** Those in the room: clients of matrix-js-sdk, and one of matrix-nio. */
export class Circle {
    constructor(name, roomId, clients, partner) {
        Object.assign(this, { name, roomId, clients, partner });
    }

    /** Waits until the client knows the room as encrypted, and everybody in it. */
    async isKnownTo(client) {
        const joined = () => room(client, this.roomId).getJoinedMembers().map((member) => member.userId);
        const wanted = [...this.clients.map((one) => one.getUserId()), this.partner.userId];
        await eventually("everybody in the room", async () => {
            if (room(client, this.roomId)?.getMyMembership() !== "join") return false;
            await room(client, this.roomId).loadMembersIfNeeded();
            return wanted.every((userId) => joined().includes(userId));
        });
        await eventually("encryption", () => client.getCrypto().isEncryptionEnabledInRoom(this.roomId));
    }

    /** One more client, which knows everybody, and whose device everybody knows. */
    async admits(client) {
        await this.isKnownTo(client);
        await Promise.all(this.clients.map((other) => knowsDevice(other, client, true)));
        await this.partner.knows(client.getUserId(), client.getDeviceId());
        this.clients.push(client);
    }

    /** The client says something, and everybody reads it; the message and its session. */
    async hearsFrom(client, text) {
        const said = await say(client, this.roomId, text);
        await Promise.all(this.clients.map((listener) => reads(listener, this.roomId, said.eventId, text)));
        await this.partner.hears(client.getUserId(), text);
        return said;
    }

    /** Everybody says something, the partner last, and everybody reads it. */
    async talks(about) {
        for (const client of this.clients) await this.hearsFrom(client, `${this.name} ${about}: ${client.getDeviceId()}`);
        const text = `${this.name} ${about}: so say I`;
        const eventId = await this.partner.says(this.roomId, text);
        await Promise.all(this.clients.map((client) => reads(client, this.roomId, eventId, text)));
    }

    /** Nobody has an event that they cannot read. */
    async isReadable() {
        for (const client of this.clients) {
            await room(client, this.roomId).decryptAllEvents();
            const failed = timeline(client, this.roomId).filter((one) => one.isDecryptionFailure());
            assert.deepEqual(failed.map((one) => one.getId()), [], `${client.getUserId()} cannot read them`);
        }
        assert.deepEqual(await this.partner.unreadable(), []);
    }
}
