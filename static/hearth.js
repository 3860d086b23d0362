/*
 * Small helps for people whose browser runs scripts; every page works without them.
 *
 *   form[data-submit-now]  is sent as soon as the page is there
 *   form[data-once]        is not sent twice by a second click
 *   [data-password]        gets a button that shows what is typed
 *   new passwords          are told whether they are long
 *   [data-copy]            gets a button that copies its text
 *   the navigation         shows where one is, when it is wider than the window
 */
"use strict";

const CLICKS_MS = 5000; // as long as somebody waits before they click again with a reason
const SAID_MS = 2000;

function button(label, describedBy) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button plain small";
  made.textContent = label;
  if (describedBy) {
    made.setAttribute("aria-describedby", describedBy);
  }
  return made;
}

function sendOnce(form) {
  let sent = false;
  const free = () => {
    sent = false;
    form.removeAttribute("aria-busy");
  };
  form.addEventListener("submit", (event) => {
    if (sent) {
      event.preventDefault();
      return;
    }
    sent = true;
    form.setAttribute("aria-busy", "true");
    setTimeout(free, CLICKS_MS); // the answer may be a download, after which the page is still there
  });
  addEventListener("pageshow", free); // back to this page from the browser's memory
}

function addShowButton(holder) {
  const input = holder.querySelector("input");
  const show = button("Show");
  const set = (shown) => {
    input.type = shown ? "text" : "password";
    show.textContent = shown ? "Hide" : "Show";
    show.setAttribute("aria-label", shown ? "Hide the password" : "Show the password");
  };
  set(false);
  show.addEventListener("click", () => set(input.type === "password"));
  input.form?.addEventListener("submit", () => set(false)); // browsers keep passwords, not texts
  holder.append(show);
}

function adviseOnLength(input) {
  const advice = document.createElement("p");
  advice.className = "hint";
  advice.id = `${input.id}-advice`;
  advice.setAttribute("aria-live", "polite");
  input.closest(".field").append(advice);
  input.addEventListener("input", () => {
    const length = [...input.value].length;
    if (length === 0) {
      advice.textContent = "";
    } else if (length < 8) {
      advice.textContent = "Short: easy to guess.";
    } else if (length < 14) {
      advice.textContent = "Longer is better; several words are easy to remember.";
    } else {
      advice.textContent = "A good length.";
    }
  });
}

function addCopyButton(holder) {
  const code = holder.querySelector("code");
  const copy = button("Copy");
  copy.setAttribute("aria-label", `Copy: ${holder.dataset.copy}`);
  const said = document.createElement("span");
  said.className = "unseen";
  said.setAttribute("role", "status");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = said.textContent = "Copied";
      setTimeout(() => {
        copy.textContent = "Copy";
        said.textContent = "";
      }, SAID_MS);
    } catch {
      getSelection().selectAllChildren(code); // the browser does not allow it: one key is left
    }
  });
  holder.append(copy, said);
}

document.querySelectorAll("form[data-once]").forEach(sendOnce);
document.querySelectorAll("[data-password]").forEach(addShowButton);
document.querySelectorAll('input[autocomplete="new-password"]').forEach(adviseOnLength);
document.querySelectorAll("[data-copy]").forEach(addCopyButton);
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.querySelector("form[data-submit-now]")?.requestSubmit();
