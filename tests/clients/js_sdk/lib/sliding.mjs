/* Simplified sliding sync (MSC4186) as matrix-js-sdk asks for it. */

import { SlidingSync } from "matrix-js-sdk/lib/sliding-sync.js";

const TIMELINE = 20;
const REQUIRED_STATE = [
    ["m.room.create", ""],
    ["m.room.name", ""],
    ["m.room.topic", ""],
    ["m.room.encryption", ""],
    ["m.room.history_visibility", ""],
    ["m.room.power_levels", ""],
    ["m.room.join_rules", ""],
    ["m.room.member", "$ME"],
    ["m.room.member", "$LAZY"],
];

/** One list of all rooms, the newest first. */
export function slidingSync(client) {
    const wanted = { timeline_limit: TIMELINE, required_state: REQUIRED_STATE };
    const all = { ranges: [[0, 99]], sort: ["by_recency"], filters: {}, ...wanted };
    return new SlidingSync(client.baseUrl, new Map([["all", all]]), wanted, client, 20_000);
}
