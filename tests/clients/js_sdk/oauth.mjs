/*
 * A page in Chromium that signs in by the OAuth 2.0 API: it registers itself as a client, sends its user to the server's
 * pages to make an account there and let it in, syncs, refreshes, and signs out. Another one signs in by a code that its
 * user types.
 *
 *     node oauth.mjs http://127.0.0.1:8008
 *
 * Registration must be open, without a mail address and a captcha.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { openProfiles } from "./lib/profiles.mjs";
import { serveSite } from "./lib/site.mjs";

const [, , base] = process.argv;
const site = await serveSite();
const name = `pia${randomBytes(4).toString("hex")}`;
const password = randomBytes(9).toString("hex");

await openProfiles(2, async ([phone, telly]) => {
    await phone.open(site);
    const first = await registerOnTheWay(phone);
    assert.ok(first.userId.startsWith(`@${name}:`));
    assert.equal((await phone.do("start")).deviceId, first.deviceId);
    await phone.do("refreshes");
    await phone.page.reload();
    await phone.do("start");

    await telly.open(site);
    const second = await signInByCode(telly, phone);
    assert.equal(second.userId, first.userId);
    await phone.open(site);
    await phone.do("start");
    await telly.do("start");
    assert.deepEqual(await telly.do("devices"), [first.deviceId, second.deviceId].sort());

    await phone.do("logout");
    assert.deepEqual(await telly.do("devices"), [second.deviceId]);
    await signInAgain(phone, first.userId);
    await refuse(phone);
    assert.deepEqual(await telly.do("logout"), []);
    for (const { complaints } of [phone, telly]) assert.deepEqual(complaints.filter(isOfPolicy), []);
});
console.log("told to the end");
process.exit(0);

/** What the server's pages and endpoints must allow. Requests under way when a session ends are complained of too, at times. */
function isOfPolicy(complaint) {
    return /Content Security Policy|CORS policy/.test(complaint);
}

/** Sends the user to the server's pages. */
async function leave(profile, ...options) {
    await profile.page.goto(await profile.do("beginSignIn", base, site, ...options));
}

/** Presses a button, which leads back to the app; what has come of it. */
async function comeBack({ page }, button) {
    await page.getByRole("button", { name: button, exact: true }).click();
    await page.waitForURL((address) => address.href.startsWith(site));
}

async function registerOnTheWay(profile) {
    await leave(profile, "create");
    await profile.page.getByLabel("User name").fill(name);
    await profile.page.getByLabel("Password", { exact: true }).fill(password);
    await profile.page.getByLabel("Password again").fill(password);
    await profile.page.getByRole("button", { name: "Make my account" }).click();
    await comeBack(profile, "Sign in");
    return profile.do("finishSignIn", site);
}

/** The device shows a code; its user, who is signed in to the pages of the account elsewhere, types it there. */
async function signInByCode(device, { page }) {
    const { user_code: code, verification_uri: address } = await device.do("beginByCode", base);
    const signedIn = device.do("finishByCode");
    await page.goto(address);
    await page.getByLabel("Code").fill(code.toLowerCase());
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("button", { name: "Let it in" }).click();
    await page.getByText("The device signs in now").waitFor();
    return signedIn;
}

/** The browser knows its user still: only the app has to be let in. */
async function signInAgain(profile, userId) {
    await profile.open(site);
    await leave(profile);
    await comeBack(profile, "Sign in");
    assert.equal((await profile.do("finishSignIn", site)).userId, userId);
    await profile.do("start");
    assert.deepEqual(await profile.do("logout"), []);
}

async function refuse(profile) {
    await profile.open(site);
    await leave(profile);
    await comeBack(profile, "Cancel");
    assert.equal(await profile.do("answered", "error"), "access_denied");
}
