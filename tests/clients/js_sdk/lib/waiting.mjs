/* Waiting for what should come; in Node and in browsers. */

const PATIENCE = 30_000;

/** Waits until `test()` gives something true, looking again whenever the emitter emits one of the events. */
export async function until(what, emitter, events, test) {
    const found = test();
    if (found) return found;
    return new Promise((resolve, reject) => {
        const stop = () => {
            clearTimeout(timer);
            for (const name of events) emitter.off(name, look);
        };
        const look = () => {
            const value = test();
            if (!value) return;
            stop();
            resolve(value);
        };
        const timer = setTimeout(() => {
            stop();
            reject(new Error(`waited in vain for ${what}`));
        }, PATIENCE);
        for (const name of events) emitter.on(name, look);
    });
}

/** Waits until `test()`, which may be asynchronous and tells nobody when it changes, gives something true. */
export async function eventually(what, test) {
    const end = Date.now() + PATIENCE;
    for (;;) {
        const value = await test();
        if (value) return value;
        if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}
