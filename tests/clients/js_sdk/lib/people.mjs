/* Users and their devices. A device is a client that has logged in and syncs. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as sdk from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { RustBackupManager } from "matrix-js-sdk/lib/rust-crypto/backup.js";
import { slidingSync } from "./sliding.mjs";
import { refused } from "./refused.mjs";
import { until } from "./waiting.mjs";

export const PASSWORD = "a horse, a battery and a staple";
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => SILENT };

logger.disableAll();
RustBackupManager.maxBackupLoopStartDelayMillis = 100; // not ten seconds, by which clients spare a server

/** A client that says nothing on the console. */
export const createClient = (options) => sdk.createClient({ logger: SILENT, ...options });

/** A new user: registered in the two steps of user-interactive authentication. */
export async function register(baseUrl, kind) {
    const guest = createClient({ baseUrl });
    const username = kind + randomBytes(4).toString("hex");
    const session = await guest
        .registerRequest({ username, password: PASSWORD })
        .then(() => assert.fail("registered without a stage"))
        .catch((error) => {
            assert.equal(error.httpStatus, 401, String(error));
            assert.ok(error.data.flows.some((flow) => flow.stages.join() === "m.login.dummy"));
            return error.data.session;
        });
    const auth = { type: "m.login.dummy", session };
    const registered = await guest.registerRequest({ username, password: PASSWORD, auth });
    assert.match(registered.user_id, new RegExp(`^@${username}:`));
    return new User(baseUrl, registered.user_id, registered.device_id);
}

/** Somebody with an account on the server at `baseUrl`, and the key of their secret storage once they have one. */
export class User {
    constructor(baseUrl, userId, firstDeviceId) {
        Object.assign(this, { baseUrl, userId, firstDeviceId, recoveryKey: null, devices: [] });
    }

    /**
     * Logs in and syncs: a new device. `sliding`: by sliding sync. `crypto`: with the Rust cryptography, whose store is
     * in IndexedDB where that is `stored`.
     */
    async newDevice({ sliding = false, crypto = false, stored = false, initialSyncLimit = 8 } = {}) {
        const identifier = { type: "m.id.user", user: this.userId };
        const guest = createClient({ baseUrl: this.baseUrl });
        const wrong = { type: "m.login.password", identifier, password: "no" };
        if (!this.devices.length) await refused(guest.loginRequest(wrong), "M_FORBIDDEN");
        const login = await guest.loginRequest({ ...wrong, password: PASSWORD });
        assert.equal(login.user_id, this.userId);
        assert.notEqual(login.device_id, this.firstDeviceId);
        const network = new Network();
        const client = createClient({
            baseUrl: this.baseUrl,
            fetchFn: network.fetch,
            userId: login.user_id,
            deviceId: login.device_id,
            accessToken: login.access_token,
            timelineSupport: true,
            verificationMethods: ["m.sas.v1"],
            cryptoCallbacks: { getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0], this.recoveryKey] },
        });
        const store = { useIndexedDB: stored, cryptoDatabasePrefix: login.device_id };
        if (crypto) {
            await client.initRustCrypto(store);
            decryptWhatArrives(client);
        }
        await start(client, { sliding, initialSyncLimit });
        this.devices.push(client);
        client.network = network;
        return client;
    }

    /** The stage that confirms a request with the user's password, for `UIAuthCallback`s of the library. */
    confirm = (makeRequest) =>
        makeRequest(null).catch((error) => {
            assert.equal(error.httpStatus, 401, String(error));
            assert.ok(error.data.flows.some((flow) => flow.stages.join() === "m.login.password"));
            const identifier = { type: "m.id.user", user: this.userId };
            return makeRequest({ type: "m.login.password", identifier, password: PASSWORD, session: error.data.session });
        });
}

/** What lies between a device and its server, and can be taken away. */
class Network {
    back = Promise.resolve();

    fetch = async (...request) => {
        await this.back;
        return fetch(...request);
    };

    /** From now on requests wait until `restore()`. */
    cut() {
        this.back = new Promise((resolve) => (this.restore = resolve));
    }
}

/**
 * Decrypts every event of a timeline, as an application does that shows it.
 *
 * By itself the library decrypts only the last event of each sync, as long as nothing has been marked as read: where two steps of
 * a verification come in one answer, the first would never be taken.
 */
function decryptWhatArrives(client) {
    client.on("Room.timeline", (event) => client.decryptEventIfNeeded(event));
}

/** Starts to sync, and returns once the first sync has been processed. */
async function start(client, { sliding = false, initialSyncLimit = 8 } = {}) {
    const options = { lazyLoadMembers: true, initialSyncLimit, threadSupport: true, pollTimeout: 20_000 };
    if (sliding) options.slidingSync = slidingSync(client);
    await client.startClient(options);
    await until("the first sync", client, ["sync"], () => client.isInitialSyncComplete());
}

/* What a client knows. */

export const room = (client, roomId) => client.getRoom(roomId);
export const timeline = (client, roomId) => room(client, roomId)?.getLiveTimeline().getEvents() ?? [];
export const event = (client, roomId, eventId) => room(client, roomId)?.findEventById(eventId);
export const bodies = (client, roomId) =>
    timeline(client, roomId)
        .filter((one) => one.getType() === "m.room.message")
        .map((one) => one.getContent().body);
