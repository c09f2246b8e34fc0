/* What browsers and Node 22 have and Node 20, which Debian's stable releases come with, has not. Import it first. */

Promise.withResolvers ??= function withResolvers() {
    const parts = {};
    parts.promise = new this((resolve, reject) => Object.assign(parts, { resolve, reject }));
    return parts;
};
