/* Encrypted attachments (Client-Server API, "Sending encrypted attachments"), by the browser's own cryptography. */

const CIPHER = "AES-CTR";

const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/=+$/, "");
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** The hash of bytes as unpadded base64. */
export const sha256 = async (bytes) => base64(await crypto.subtle.digest("SHA-256", bytes));

/** The ciphertext, and an `EncryptedFile` without its `url`. */
export async function encrypt(bytes) {
    const counter = new Uint8Array(16);
    crypto.getRandomValues(counter.subarray(0, 8));
    const key = await crypto.subtle.generateKey({ name: CIPHER, length: 256 }, true, ["encrypt", "decrypt"]);
    const ciphertext = await crypto.subtle.encrypt({ name: CIPHER, counter, length: 64 }, key, bytes);
    const exported = await crypto.subtle.exportKey("jwk", key);
    const hashes = { sha256: await sha256(ciphertext) };
    return { ciphertext, file: { v: "v2", key: exported, iv: base64(counter), hashes } };
}

/** What was encrypted; throws when the ciphertext is not the one that the file names. */
export async function decrypt(ciphertext, file) {
    if ((await sha256(ciphertext)) !== file.hashes.sha256) throw new Error("these are other bytes");
    const key = await crypto.subtle.importKey("jwk", file.key, CIPHER, false, ["decrypt"]);
    return crypto.subtle.decrypt({ name: CIPHER, counter: fromBase64(file.iv), length: 64 }, key, ciphertext);
}
