/*
 * A small client in a page: its account, what it has synced and its keys are in the browser's storage.
 *
 * What the page offers is in `window.app`; arguments and results are plain JSON.
 */

import * as sdk from "matrix-js-sdk";
import { eventually, until } from "../lib/waiting.mjs";
import { decrypt, encrypt, sha256 } from "./attachments.mjs";
import * as oauth from "./oauth.mjs";

const ENCRYPTED = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
let client;

const room = (roomId) => client.getRoom(roomId);
const timeline = (roomId) => room(roomId)?.getLiveTimeline().getEvents() ?? [];

/** Registers an account, which the browser remembers; its user ID. */
async function register(baseUrl, username, password) {
    const guest = sdk.createClient({ baseUrl });
    const { session } = await guest.registerRequest({ username, password }).catch((error) => error.data);
    const auth = { type: "m.login.dummy", session };
    const account = await guest.registerRequest({ username, password, auth });
    localStorage.setItem("account", JSON.stringify({ baseUrl, ...account }));
    return account.user_id;
}

/** Signs in to an account, which the browser remembers; its user ID. */
async function logIn(baseUrl, user, password) {
    const identifier = { type: "m.id.user", user };
    const account = await sdk.createClient({ baseUrl }).loginRequest({ type: "m.login.password", identifier, password });
    localStorage.setItem("account", JSON.stringify({ baseUrl, ...account }));
    return account.user_id;
}

/** Takes up the account that the browser remembers, with the keys and rooms that it has of it. */
async function start() {
    const { baseUrl, user_id: userId, device_id: deviceId, access_token: accessToken, ...renewing } =
        JSON.parse(localStorage.getItem("account"));
    const store = new sdk.IndexedDBStore({ indexedDB, localStorage, dbName: "synced" });
    client = sdk.createClient({ baseUrl, userId, deviceId, accessToken, store, ...oauth.options(renewing) });
    await store.startup();
    await client.initRustCrypto();
    // By itself the library decrypts only the last event of each sync.
    client.on("Room.timeline", (event) => client.decryptEventIfNeeded(event));
    await client.startClient({ lazyLoadMembers: true, initialSyncLimit: 20 });
    await until("a sync with the server", client, ["sync"], () => client.getSyncState() === "SYNCING");
    return { deviceId, rooms: client.getRooms().map((one) => one.roomId) };
}

async function openRoom(friend) {
    const options = { name: "Parlour", preset: "private_chat", is_direct: true, initial_state: [ENCRYPTED] };
    const { room_id: roomId } = await client.createRoom({ ...options, invite: [friend] });
    return roomId;
}

async function join(roomId) {
    await until("the invitation", client, ["Room", "Room.myMembership", "sync"],
        () => room(roomId)?.getMyMembership() === "invite");
    await client.joinRoom(roomId);
}

/** The user and the friend are in the room, which is encrypted. */
async function knows(roomId, friend) {
    await until("both in the room", client, ["RoomState.members", "Room.myMembership", "sync"],
        () => room(roomId)?.getMyMembership() === "join" && room(roomId).getMember(friend)?.membership === "join");
    await eventually("encryption", () => client.getCrypto().isEncryptionEnabledInRoom(roomId));
}

const say = (roomId, body) => client.sendTextMessage(roomId, body).then((sent) => sent.event_id);

/** The event's content once it has come and can be read. */
async function read(roomId, eventId) {
    const find = () => timeline(roomId).find((one) => one.getId() === eventId);
    await until("the event", client, ["Room.timeline", "Event.decrypted", "sync"],
        () => find() && !find().isBeingDecrypted() && !find().isDecryptionFailure()
            && find().getType() === "m.room.message");
    if (!find().isEncrypted()) throw new Error("it came in clear");
    return find().getContent();
}

/** Waits as `read`, then fetches, decrypts and shows the picture; its size on the screen, and the hash of its bytes. */
async function showPicture(roomId, eventId) {
    const { file, info } = await read(roomId, eventId);
    const address = client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true);
    const answer = await fetch(address, { headers: { Authorization: `Bearer ${client.getAccessToken()}` } });
    if (!answer.ok) throw new Error(`the picture came with ${answer.status}`);
    const bytes = await decrypt(await answer.arrayBuffer(), file);
    const image = document.getElementById("picture");
    image.src = URL.createObjectURL(new Blob([bytes], { type: info.mimetype }));
    await image.decode();
    return { width: image.naturalWidth, height: image.naturalHeight, sha256: await sha256(bytes) };
}

/** Draws a picture, and sends it encrypted; the event's ID, and the hash of its bytes. */
async function sendPicture(roomId, width, height) {
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "teal";
    pen.fillRect(width / 4, height / 4, width / 2, height / 2);
    const picture = await canvas.convertToBlob({ type: "image/png" });
    const bytes = await picture.arrayBuffer();
    const { ciphertext, file } = await encrypt(bytes);
    const progress = [];
    const { content_uri: url } = await client.uploadContent(new Blob([ciphertext]), {
        type: "application/octet-stream", includeFilename: false, progressHandler: ({ loaded }) => progress.push(loaded),
    });
    if (progress.at(-1) !== ciphertext.byteLength) throw new Error(`the upload told of ${progress} bytes`);
    const info = { mimetype: "image/png", size: bytes.byteLength, w: width, h: height };
    const sent = await client.sendMessage(roomId, { msgtype: "m.image", body: "a.png", info, file: { ...file, url } });
    return { eventId: sent.event_id, sha256: await sha256(bytes), url };
}

/** Ends the session, after which nothing of it is left in the browser. */
async function logout() {
    await client.logout(true);
    await client.clearStores();
    localStorage.clear();
    return (await indexedDB.databases()).map(({ name }) => name);
}

/** The devices of the account, as the server lists them. */
const devices = () => client.getDevices().then((found) => found.devices.map((one) => one.device_id).sort());

/** With a token that has ended, the client gets another by itself, and goes on. */
async function refreshes() {
    const before = JSON.parse(localStorage.getItem("account"));
    client.setAccessToken("it has ended");
    const { device_id: deviceId } = await client.whoami();
    const after = JSON.parse(localStorage.getItem("account"));
    if (deviceId !== before.device_id) throw new Error("it is another device");
    if (after.access_token === before.access_token || after.refreshToken === before.refreshToken) {
        throw new Error("the tokens are the same");
    }
    await client.whoami();
}

const { beginSignIn, finishSignIn, answered, beginByCode, finishByCode } = oauth;
window.app = { register, logIn, start, openRoom, join, knows, say, read, sendPicture, showPicture, logout,
    beginSignIn, finishSignIn, answered, beginByCode, finishByCode, devices, refreshes };
