// Passkeys: asks the server what the browser needs, has it made or used, and sends the form with the answer.
"use strict";

function bytesOf(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function textOf(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function withBytes(options) {
  const known = (list) => (list || []).map((entry) => ({ ...entry, id: bytesOf(entry.id) }));
  const read = { ...options, challenge: bytesOf(options.challenge) };
  if (options.user) read.user = { ...options.user, id: bytesOf(options.user.id) };
  if (options.excludeCredentials) read.excludeCredentials = known(options.excludeCredentials);
  if (options.allowCredentials) read.allowCredentials = known(options.allowCredentials);
  return read;
}

function withTexts(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = textOf(credential.response[name]);
  }
  return { id: credential.id, rawId: textOf(credential.rawId), type: credential.type, response };
}

// What the browser needs; null when the server wants something else first, and the page is left for it.
async function asked(form) {
  const token = form.querySelector("input[name=csrfmiddlewaretoken]").value;
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  const answer = await fetch(form.dataset.begin, { method: "POST", headers });
  const told = await answer.json();
  if (told.go_to) {
    location.assign(told.go_to);
    return null;
  }
  if (!answer.ok) throw new Error(told.error);
  return withBytes(told);
}

function saidBy(form, fault) {
  if (fault.name === "InvalidStateError") return form.dataset.known;
  if (fault.name === "NotAllowedError" || fault.name === "AbortError") return form.dataset.cancelled;
  return fault instanceof DOMException || fault instanceof TypeError || fault instanceof SyntaxError
    ? form.dataset.failed : fault.message;
}

async function use(form) {
  const fault = form.querySelector("[data-fault]");
  const button = form.querySelector("button");
  fault.hidden = true;
  button.disabled = true;
  try {
    const publicKey = await asked(form);
    if (publicKey === null) return;
    const made = form.dataset.passkey === "create";
    const credential = await (made ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
    form.elements.credential.value = JSON.stringify(withTexts(credential));
    form.submit();
  } catch (error) {
    fault.textContent = saidBy(form, error);
    fault.hidden = false;
    button.disabled = false;
    button.focus();
  }
}

if (window.PublicKeyCredential && window.isSecureContext) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      use(form);
    });
  }
  for (const told of document.querySelectorAll("[data-without-passkeys]")) told.hidden = true;
  // Whoever comes back by the history of the browser finds the page as it was left.
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form[data-passkey] button")) button.disabled = false;
  });
}
