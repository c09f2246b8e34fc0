// A large file is sent in pieces: after a break it goes on where it was. Without this, small files are sent as forms.
"use strict";

const ATTEMPTS = 6;

function later(seconds) {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}

async function sent(form, address, body) {
  const token = form.elements.csrfmiddlewaretoken.value;
  const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json", "X-CSRFToken": token }, body });
  const told = await answer.json();
  if (told.go_to && !answer.ok) location.assign(told.go_to);
  if (!answer.ok) throw Object.assign(new Error(told.error || answer.statusText), { status: answer.status });
  return told;
}

function begin(form, file) {
  const about = new URLSearchParams({ name: file.name, size: file.size, changed: file.lastModified });
  return sent(form, form.dataset.upload, about);
}

// What fails on the way is tried again, from where the server says that it is; what is refused is not.
async function sendAll(form, file, progress) {
  let told = null;
  let failures = 0;
  while (!told || !told.go_to) {
    try {
      told = told ? await sent(form, told.piece, file.slice(told.at, told.at + told.piece_bytes)) : await begin(form, file);
      failures = 0;
      progress.value = (100 * told.at) / file.size;
    } catch (fault) {
      failures += 1;
      if ((fault.status && fault.status < 500 && fault.status !== 409) || failures >= ATTEMPTS) throw fault;
      told = null;
      await later(failures);
    }
  }
  return told.go_to;
}

async function upload(form) {
  const [file] = form.elements.file.files;
  const fault = form.querySelector("[data-fault]");
  const progress = form.querySelector("progress");
  const button = form.querySelector("button");
  fault.hidden = true;
  progress.hidden = false;
  button.disabled = true;
  try {
    location.assign(await sendAll(form, file, progress));
  } catch (error) {
    fault.textContent = error.status ? error.message : form.dataset.broken;
    fault.hidden = false;
    progress.hidden = true;
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    upload(form);
  });
}
