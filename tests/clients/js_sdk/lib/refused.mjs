/* What should not be allowed. */

import assert from "node:assert/strict";

/** The request must fail with the error code. */
export async function refused(promise, errcode) {
    await assert.rejects(promise, (error) => {
        assert.equal(error.errcode, errcode);
        return true;
    });
}
