/* Signing in by the OAuth 2.0 API, as an app that runs on its user's own machine. */

import * as sdk from "matrix-js-sdk";

const METADATA = {
    client_name: "A small client", client_uri: "https://small.example/", application_type: "native",
    redirect_uris: ["http://127.0.0.1/"],
};
const stored = (name) => JSON.parse(localStorage.getItem(name));
const store = (name, value) => localStorage.setItem(name, JSON.stringify(value));

/** Registers the app at a server; where its user is sent to sign in. */
export async function beginSignIn(baseUrl, redirectUri, prompt) {
    const auth = await registered(baseUrl);
    return auth.generateAuthorizationCodeGrantUrl("a state", redirectUri, "fragment", prompt);
}

async function registered(baseUrl) {
    const metadata = await sdk.createClient({ baseUrl }).getAuthMetadata();
    const clientId = await sdk.OAuth2.registerClient(metadata, METADATA);
    const auth = new sdk.OAuth2(metadata, { clientId });
    store("pending", { baseUrl, context: auth.context });
    return auth;
}

/** What the server has answered with. */
export const answered = (name) => new URLSearchParams(location.hash.slice(1)).get(name);

async function pending() {
    const { baseUrl, context } = stored("pending");
    return new sdk.OAuth2(await sdk.createClient({ baseUrl }).getAuthMetadata(), context);
}

/** Takes the answer with which the browser has come back; who is signed in now. */
export async function finishSignIn(redirectUri) {
    const auth = await pending();
    if (answered("state") !== "a state") throw new Error("it is no answer to what was asked");
    if (answered("iss") !== auth.metadata.issuer) throw new Error("it is the answer of another server");
    return remember(auth, await auth.completeAuthorizationCodeGrant(answered("code"), redirectUri));
}

/** Registers the app; the code that its user is to type elsewhere. */
export async function beginByCode(baseUrl) {
    const auth = await registered(baseUrl);
    const session = await auth.startDeviceAuthorizationGrant();
    store("session", session);
    return session;
}

/** Waits until the user has done so; who is signed in now. */
export async function finishByCode() {
    const auth = await pending();
    return remember(auth, await auth.waitForDeviceAuthorizationGrant(stored("session")));
}

async function remember(auth, tokens) {
    if (tokens.error) throw new Error(tokens.error);
    const { baseUrl, context } = stored("pending");
    const asked = sdk.createClient({ baseUrl, accessToken: tokens.access_token });
    const { user_id, device_id } = await asked.whoami();
    if (device_id !== context.deviceId) throw new Error("it is another device");
    const account = { baseUrl, user_id, device_id, access_token: tokens.access_token };
    store("account", { ...account, refreshToken: tokens.refresh_token, oauthClientId: context.clientId });
    history.replaceState(null, "", location.pathname);
    return { userId: user_id, deviceId: device_id };
}

/** What the library needs to renew the tokens, which are remembered; nothing for an account of the legacy API. */
export function options({ refreshToken, oauthClientId }) {
    if (!oauthClientId) return {};
    const onTokenRefresh = ({ accessToken, refreshToken: next }) =>
        store("account", { ...stored("account"), access_token: accessToken, refreshToken: next });
    return { refreshToken, oauthClientId, onTokenRefresh };
}
