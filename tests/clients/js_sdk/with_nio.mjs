/*
 * Alice uses matrix-js-sdk and her partner matrix-nio: they have an encrypted room and verify each other, both ways.
 *
 *     node with_nio.mjs http://127.0.0.1:8008 http://127.0.0.1:8009 python3
 *
 * The servers may be one. On both, registration must be open, with `m.login.dummy` as its only stage.
 */

import assert from "node:assert/strict";
import { startPartner } from "./lib/partner.mjs";
import { register, room } from "./lib/people.mjs";
import { ENCRYPTED, reads, say } from "./lib/rooms.mjs";
import { bootstrap, emojiOf, holding, nextRequest, reaches } from "./lib/trust.mjs";
import { eventually, until } from "./lib/waiting.mjs";

const [, , aliceBase, partnerBase, python] = process.argv;
const [user, partner] = await Promise.all([register(aliceBase, "alice"), startPartner(python, partnerBase)]);
const alice = await user.newDevice({ crypto: true });
await bootstrap(user, alice);

const roomId = await openRoom();
await converse();
await aliceAsks();
await converse();
await aliceIsAsked();
await converse();
partner.end();
console.log("told to the end");
process.exit(0);

async function openRoom() {
    const { room_id: id } = await alice.createRoom({
        name: "Parlour", preset: "private_chat", is_direct: true, invite: [partner.userId], initial_state: [ENCRYPTED],
    });
    await partner.joins(id);
    await until("the partner in the room", alice, ["RoomState.members", "sync"],
        () => room(alice, id)?.getMember(partner.userId)?.membership === "join");
    return id;
}

async function converse() {
    for (let turn = 0; turn < 2; turn++) {
        const text = `${turn}: ${Math.random()} ✓`;
        await say(alice, roomId, text);
        await partner.hears(user.userId, text);
        const eventId = await partner.says(roomId, `so it is ${text}`);
        await reads(alice, roomId, eventId, `so it is ${text}`);
    }
}

async function aliceAsks() {
    const crypto = alice.getCrypto();
    assert.equal(await partnerIsVerified(), false);
    const request = await crypto.requestDeviceVerification(partner.userId, partner.deviceId);
    const taken = partner.is_asked(user.userId);
    await reaches(request, "Ready");
    const verifier = await request.startVerification("m.sas.v1");
    await holding([request], async () => compare(request, verifier, await taken));
}

async function aliceIsAsked() {
    await alice.getCrypto().setDeviceVerified(partner.userId, partner.deviceId, false);
    const incoming = nextRequest(alice);
    const asking = partner.asks(user.userId, alice.getDeviceId());
    const request = await incoming;
    await request.accept();
    const verifier = await until("the start", request, ["change"], () => request.verifier);
    await holding([request], async () => compare(request, verifier, await asking));
}

async function compare(request, verifier, transaction) {
    const shown = emojiOf(verifier);
    const finished = verifier.verify();
    const [callbacks, theirs] = await Promise.race([Promise.all([shown, partner.emoji(transaction)]), finished]);
    assert.deepEqual(callbacks.sas.emoji.map(([symbol]) => symbol), theirs);
    const confirmed = partner.confirms(transaction);
    await callbacks.confirm();
    await Promise.all([finished, confirmed]);
    await reaches(request, "Done");
    await eventually("the partner to be verified", partnerIsVerified);
}

async function partnerIsVerified() {
    const status = await alice.getCrypto().getDeviceVerificationStatus(partner.userId, partner.deviceId);
    return status.isVerified();
}
