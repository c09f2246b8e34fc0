/* Cross-signing, secret storage, backups, and verification by comparing emoji. */

import assert from "node:assert/strict";
import { CryptoEvent, VerificationPhase, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { eventually, until } from "./waiting.mjs";

/** A user's first device makes cross-signing keys, secret storage with a recovery key, and a backup of room keys. */
export async function bootstrap(user, client) {
    const crypto = client.getCrypto();
    assert.equal(await crypto.userHasCrossSigningKeys(), false);
    await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: user.confirm });
    const made = await crypto.createRecoveryKeyFromPassphrase();
    user.recoveryKey = made.privateKey;
    await crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => made, setupNewKeyBackup: true });
    await ready(client);
    assert.ok(await crypto.getActiveSessionBackupVersion());
}

/** Everything of cross-signing and secret storage is there, and this device is signed by its owner. */
export async function ready(client) {
    const crypto = client.getCrypto();
    await eventually("cross-signing", () => crypto.isCrossSigningReady());
    await eventually("secret storage", () => crypto.isSecretStorageReady());
    await eventually("the device to be signed by its owner", async () =>
        (await crypto.getDeviceVerificationStatus(client.getUserId(), client.getDeviceId())).crossSigningVerified);
}

/** The verification request that comes to the client next; ask for it before it is sent. */
export const nextRequest = (client) =>
    new Promise((resolve) => client.once(CryptoEvent.VerificationRequestReceived, resolve));

/** The verification comes to the phase: "Ready", "Done". */
export const reaches = (request, phase) =>
    until(`the verification to be ${phase}`, request, ["change"], () => request.phase === VerificationPhase[phase]);

/*
 * The library reaches its requests and verifiers by weak references. What waits for one that nobody else holds is
 * garbage together with it, and would wait for ever.
 */
const held = new Set();

/** Holds the requests of a verification until the work with them is done, and gives what it gives. */
export async function holding(requests, work) {
    for (const request of requests) held.add(request);
    try {
        return await work();
    } finally {
        for (const request of requests) held.delete(request);
    }
}

/** Both sides of a verification compare the same emoji and confirm. `asked` is the request as its sender has it. */
export async function compareEmoji(asked, incoming) {
    const received = await holding([asked], () => incoming);
    await holding([asked, received], () => compare(asked, received));
}

async function compare(asked, received) {
    assert.equal(received.phase, VerificationPhase.Requested);
    await received.accept();
    await reaches(asked, "Ready");
    const mine = await asked.startVerification("m.sas.v1");
    const theirs = await until("the other side's verifier", received, ["change"], () => received.verifier);
    const shown = [mine, theirs].map((verifier) => emojiOf(verifier));
    const finished = [mine, theirs].map((verifier) => verifier.verify());
    const [left, right] = await Promise.race([Promise.all(shown), Promise.all(finished)]);
    assert.equal(left.sas.emoji.length, 7);
    assert.deepEqual(left.sas.emoji, right.sas.emoji);
    await Promise.all([left.confirm(), right.confirm()]);
    await Promise.all(finished);
    await Promise.all([reaches(asked, "Done"), reaches(received, "Done")]);
}

/** What the verifier shows, once it shows it. */
export const emojiOf = (verifier) =>
    new Promise((resolve) => {
        const callbacks = verifier.getShowSasCallbacks();
        if (callbacks) resolve(callbacks);
        else verifier.once(VerifierEvent.ShowSas, resolve);
    });

/** The client knows the other user's identity as verified by this one's. */
export async function trusts(client, userId) {
    await eventually(`trust in ${userId}`, async () =>
        (await client.getCrypto().getUserVerificationStatus(userId)).isCrossSigningVerified());
}
