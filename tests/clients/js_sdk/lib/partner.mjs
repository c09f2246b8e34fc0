/* A user of matrix-nio in a process of its own, which does what it is told. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../../..", import.meta.url));
const COMMANDS = ["joins", "says", "hears", "is_asked", "asks", "emoji", "confirms", "unreadable", "knows"];

/** Starts it. Beside `userId` and `deviceId` it has a method for each command, which gives a promise. */
export async function startPartner(python, baseUrl) {
    const child = spawn(python, ["-m", "tests.clients.nio_partner", baseUrl], {
        cwd: PROJECT, stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const answer = async () => {
        const { value, done } = await lines.next();
        assert.ok(!done, "matrix-nio has ended");
        return JSON.parse(value);
    };
    const { user_id: userId, device_id: deviceId } = await answer();
    const tell = async (name, args) => {
        child.stdin.write(`${JSON.stringify({ do: name, with: args })}\n`);
        return (await answer()).done;
    };
    const methods = COMMANDS.map((name) => [name, (...args) => tell(name, args)]);
    return { userId, deviceId, ...Object.fromEntries(methods), end: () => child.stdin.end() };
}
