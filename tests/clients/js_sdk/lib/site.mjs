/* The test page, bundled, on an origin of its own. */

import { build } from "esbuild";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const WASM = "pkg/matrix_sdk_crypto_wasm_bg.wasm";

/** Serves the page on a free port of loopback; its address. */
export async function serveSite() {
    const { outputFiles } = await build({
        entryPoints: [here("../page/page.mjs")], bundle: true, write: false, format: "esm", target: "chrome120",
        define: { global: "globalThis" },
    });
    const files = new Map([
        ["/", ["text/html", await readFile(here("../page/index.html"))]],
        ["/page.js", ["text/javascript", outputFiles[0].contents]],
        [`/${WASM}`, ["application/wasm", await readFile(here(`../node_modules/@matrix-org/matrix-sdk-crypto-wasm/${WASM}`))]],
    ]);
    const server = createServer((request, answer) => {
        const [type, content] = files.get(request.url) ?? ["text/plain", undefined];
        answer.writeHead(content ? 200 : 404, { "Content-Type": type });
        answer.end(content);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${server.address().port}/`;
}
