// What the pages do beyond forms and links. Everything works without it.
"use strict";

const narrow = window.matchMedia("(max-width: 48rem)");

function foldMenu() {
  for (const menu of document.querySelectorAll("details.menu")) {
    menu.open = !narrow.matches;
    menu.dataset.ready = "";
  }
}

// On phones the menu lies over the page, and goes when something else is touched.
function closeMenu(event) {
  const menu = document.querySelector("details.menu[open]");
  if (!narrow.matches || !menu) return;
  if (event.type === "keydown" ? event.key !== "Escape" : event.target.closest(".menu > *")) return;
  menu.open = false;
  if (event.type === "keydown") menu.querySelector("summary").focus();
}
document.addEventListener("click", closeMenu);
document.addEventListener("keydown", closeMenu);

function tell(text) {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const use = button.querySelector("use");
  const [file] = use.getAttribute("href").split("#");
  use.setAttribute("href", `${file}#ok`);
  button.classList.add("done");
  tell(document.body.dataset.copied);
  setTimeout(() => {
    use.setAttribute("href", `${file}#copy`);
    button.classList.remove("done");
  }, 2000);
}

function chosen(form) {
  return form.querySelectorAll("input[name=chosen]:checked").length;
}

// What is done with chosen rows is shown while some are chosen.
function showBulkBar(form) {
  const bar = form.querySelector("[data-bulk-bar]");
  const count = chosen(form);
  bar.dataset.count = count;
  bar.hidden = count === 0;
  bar.querySelector("[data-chosen-count]").textContent = count;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-bulk]");
  if (event.target.matches("[data-choose-all]")) {
    for (const box of form.querySelectorAll("input[name=chosen]")) box.checked = event.target.checked;
  }
  if (form) showBulkBar(form);
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});

document.addEventListener("input", (event) => {
  const wanted = event.target.dataset.mustEqual;
  if (wanted === undefined) return;
  const button = event.target.form.querySelector("button.danger");
  button.disabled = event.target.value.trim() !== wanted;
});

// A form that is filled in is not lost by a wrong click.
let unsaved = false;
document.addEventListener("input", (event) => {
  if (event.target.closest("form[data-warn-unsaved]")) unsaved = true;
});
document.addEventListener("submit", (event) => { if (!event.target.closest(".languages")) unsaved = false; });
window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });

// The same form in two tabs: what is saved last holds, which whoever fills them in should know.
const page = location.pathname, tabs = new BroadcastChannel("hearth");
function warnOfTab() {
  const form = document.querySelector("form[data-warn-unsaved]");
  if (!form || document.getElementById("other-tab")) return;
  const notice = document.createElement("p");
  Object.assign(notice, { id: "other-tab", className: "notice warn", role: "status" });
  notice.textContent = document.body.dataset.otherTab;
  form.before(notice);
}
if (document.querySelector("form[data-warn-unsaved]")) {
  tabs.addEventListener("message", ({ data }) => {
    if (data.page !== page) return;
    if (data.asks) tabs.postMessage({ page });
    warnOfTab();
  });
  tabs.postMessage({ page, asks: true });
}

// What was pressed shows that it works, and a second click does not do it twice. The page may stay: files are fetched from it.
const GUARD_MS = 1000, BUSY_MS = 4000;
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented || event.target.method === "get") return;
  if (event.timeStamp - (button.pressed ?? -GUARD_MS) < GUARD_MS) {
    event.preventDefault();
    return;
  }
  button.pressed = event.timeStamp;
  button.setAttribute("aria-busy", "true");
  setTimeout(() => button.removeAttribute("aria-busy"), BUSY_MS);
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

// A password is shown to whoever types it, if they want.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show-password]");
  if (!button) return;
  const field = document.getElementById(button.getAttribute("aria-controls"));
  const isShown = field.type === "text";
  field.type = isShown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!isShown));
});
for (const button of document.querySelectorAll("[data-show-password], [data-print]")) button.hidden = false;
document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });

// htmx sends forms of its own: they need the token against forgery too.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (token) event.detail.headers["X-CSRFToken"] = token.value;
});

// The part of the page that is looked at is among its tabs, however narrow the screen.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

narrow.addEventListener("change", foldMenu);
foldMenu();
for (const form of document.querySelectorAll("form[data-bulk]")) showBulkBar(form);
for (const field of document.querySelectorAll("[data-must-equal]")) {
  field.form.querySelector("button.danger").disabled = true;
}

// The setup: what is typed is shown as it will be, and a code comes out of the link, which is not kept.
document.addEventListener("input", (event) => {
  const pattern = event.target.dataset.preview;
  if (pattern === undefined) return;
  const shown = document.querySelector(`[data-preview-of="${event.target.id}"] code`);
  if (shown) shown.textContent = pattern.replace("%", event.target.value.trim().toLowerCase() || event.target.placeholder);
});
for (const field of document.querySelectorAll("[data-from-fragment]")) {
  if (location.hash.length < 2) continue;
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}
