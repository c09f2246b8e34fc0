// What the pages do beyond forms and links. Everything works without it.
"use strict";

const narrow = window.matchMedia("(max-width: 48rem)");

function foldMenu() {
  for (const menu of document.querySelectorAll("details.menu")) menu.open = !narrow.matches;
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("done");
  const messages = document.getElementById("messages");
  if (messages) messages.textContent = button.getAttribute("aria-label");
}

function chosen(form) {
  return form.querySelectorAll("input[name=chosen]:checked").length;
}

function showBulkBar(form) {
  const bar = form.querySelector("[data-bulk-bar]");
  for (const button of bar.querySelectorAll("button")) button.disabled = chosen(form) === 0;
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

// htmx sends forms of its own: they need the token against forgery too.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (token) event.detail.headers["X-CSRFToken"] = token.value;
});

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
