/* Profiles of Debian's Chromium, each with a folder and a page of its own. */

import { chromium } from "playwright-core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHROMIUM = process.env.HEARTH_TEST_CHROMIUM || "/usr/bin/chromium";
const ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
];
// What servers answer in the usual course of things, and Chromium writes on the console all the same.
const USUAL = [
    [401, /\/_matrix\/client\/v3\/register$/],
    [404, /\/_matrix\/client\/v3\/room_keys\/version$/],
    [404, /\/_matrix\/client\/unstable\/org\.matrix\.msc4143\/rtc\/transports$/],
];

class Profile {
    complaints = [];

    constructor(folder, context) {
        Object.assign(this, { folder, context, page: context.pages()[0] });
        this.page.on("pageerror", (error) => this.complaints.push(String(error)));
        this.page.on("console", (message) => {
            if (message.type() === "error" && !isUsual(message)) {
                this.complaints.push(`${message.text()} ${message.location().url}`);
            }
        });
    }

    /** Goes to the address and waits for the page's client. */
    async open(address) {
        await this.page.goto(address);
    }

    /** Calls a function of the page's client. */
    async do(name, ...args) {
        await this.page.waitForFunction(() => window.app);
        return this.page.evaluate(([called, given]) => window.app[called](...given), [name, args]);
    }
}

function isUsual(message) {
    const status = Number(/status of (\d+)/.exec(message.text())?.[1]);
    return USUAL.some(([code, path]) => code === status && path.test(message.location().url));
}

/** Calls `story` with so many profiles, and removes them at its end. */
export async function openProfiles(count, story) {
    const profiles = [];
    try {
        for (let number = 0; number < count; number++) profiles.push(await openProfile());
        await story(profiles);
    } finally {
        for (const { folder, context } of profiles) {
            await context.close();
            await rm(folder, { recursive: true, force: true, maxRetries: 5 });
        }
    }
}

async function openProfile() {
    const folder = await mkdtemp(join(tmpdir(), "hearth-chromium-"));
    const options = { executablePath: CHROMIUM, headless: true, args: ARGUMENTS, chromiumSandbox: false };
    return new Profile(folder, await chromium.launchPersistentContext(folder, options));
}
