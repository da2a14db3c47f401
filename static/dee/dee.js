/* The little that our pages do in the browser beyond htmx: dialogs, keys, local times, and honesty when an answer
   is lost. Every page works without it. All htmx event names stand in this file, so that a later htmx is one change. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* Settings live in this browser only; a browser that refuses to store keeps the defaults. */
  const setting = {
    get(name) { try { return localStorage.getItem("dee." + name) === "1"; } catch { return false; } },
    set(name, on) { try { localStorage.setItem("dee." + name, on ? "1" : "0"); } catch { /* nothing to keep it in */ } },
  };

  /* ---- Times: local, with UTC on hover ---- */
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const utc = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });

  function showTimes(root) {
    for (const el of $$("time[datetime]", root)) {
      const at = new Date(el.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const inUtc = utc.format(at) + " UTC";
      el.textContent = setting.get("utc") ? inUtc : local.format(at);
      el.title = setting.get("utc") ? local.format(at) + " local" : inUtc;
    }
  }

  /* ---- Pictures wider than their box: begin where the run stands, or where runs start ---- */
  function showPath(root) {
    for (const box of $$(".dg-frame", root)) {
      const here = $(".dg-is-failed, .dg-is-current", box) || $$(".dg-is-done", box).pop() || $(".dg-tag-text", box)?.parentElement;
      if (here) {
        const inner = here.getBoundingClientRect(), outer = box.getBoundingClientRect();
        box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
        box.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
      }
      const button = $(`[data-toggle="${box.parentElement.id}"]`);
      if (button && box.scrollWidth > box.clientWidth) button.hidden = false;
    }
  }

  /* ---- Dialogs: links that open one instead of the plain page they lead to ---- */
  function openDialog(dialog) {
    if (!dialog || !dialog.showModal) return false;
    dialog.showModal();
    const field = $("textarea, input:not([type=hidden]), select", dialog);
    if (field) field.focus();
    return true;
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener && !event.ctrlKey && !event.metaKey && openDialog(document.getElementById(opener.dataset.dialog))) {
      event.preventDefault();
      return;
    }
    const command = event.target.closest("button[command=show-modal][commandfor]");
    if (command && !("command" in HTMLButtonElement.prototype)) openDialog(document.getElementById(command.getAttribute("commandfor")));
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    const toggle = event.target.closest("[data-toggle]");
    if (toggle) {
      const on = document.getElementById(toggle.dataset.toggle).classList.toggle(toggle.dataset.class);
      toggle.setAttribute("aria-pressed", String(on));
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = "Copied"; });
  });

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.dataset.setting) {
      setting.set(box.dataset.setting, box.checked);
      showTimes(document);
    }
    if (box.matches("[data-select-all]")) {
      for (const row of $$("input[data-select]", box.form)) row.checked = box.checked;
    }
    if (box.matches("[data-select-all], input[data-select]")) countSelected(box.form);
    if (box.matches("select[data-submit]")) box.form.requestSubmit();
  });

  function countSelected(form) {
    const boxes = $$("input[data-select]", form);
    const chosen = boxes.filter((box) => box.checked).length;
    for (const el of $$("[data-selected]", form)) el.textContent = chosen + " selected";
    for (const el of $$("[data-needs-selection]", form)) el.disabled = chosen === 0;
    const all = $("[data-select-all]", form);
    if (all) { all.checked = chosen > 0 && chosen === boxes.length; all.indeterminate = chosen > 0 && chosen < boxes.length; }
  }

  /* ---- Keys: off while typing, off for good when a person says so (WCAG 2.1.4) ---- */
  let pending = "";
  const typing = (el) => el.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open], [popover]:popover-open");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || setting.get("keys-off") || typing(event.target)) { pending = ""; return; }
    const key = event.key;
    const went = pending === "g" && $(`#nav-sidebar a[data-go="${CSS.escape(key)}"]`);
    pending = key === "g" ? "g" : "";
    if (went) { location.href = went.href; return; }
    if (key === "?") { if (openDialog($("#dee-keys"))) event.preventDefault(); return; }
    if (key === "/") {
      const search = $("[data-search]") || $("#searchbar");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
      return;
    }
    // The keys of single pages are in files of their own; they say that they took one by preventing what it does.
    const own = new CustomEvent("dee:key", { detail: key, cancelable: true });
    if (!document.dispatchEvent(own)) event.preventDefault();
  });

  /* ---- htmx: token, polling that rests, rows that stay open or closed, lost answers ---- */
  const polls = (el) => (el.getAttribute("hx-trigger") || "").startsWith("every");
  let opened = [];

  document.addEventListener("htmx:configRequest", (event) => {
    const token = $("meta[name=dee-csrf]");
    if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token.content;
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const el = event.detail.elt;
    if (polls(el) && (document.hidden || el.closest("dialog:not([open])") || $("dialog[open]", el) || el.contains(document.activeElement?.closest("form")))) event.preventDefault();
  });
  /* Who writes on while an answer is on its way keeps what they write: it is asked for again when they are done. */
  document.addEventListener("input", (event) => {
    const form = event.target.matches("input[type=text], textarea") && event.target.closest("form[hx-sync]");
    if (form) window.htmx.trigger(form, "htmx:abort");
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    opened = $$("details[id]", event.detail.target).map((el) => [el.id, el.open]);
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const [id, open] of opened) document.getElementById(id)?.toggleAttribute("open", open);
    opened = [];
  });
  document.addEventListener("htmx:load", (event) => {
    showTimes(event.detail.elt);
    showPath(event.detail.elt);
    $("[data-focus]", event.detail.elt)?.focus();
    event.detail.elt.dispatchEvent(new CustomEvent("dee:shown", { bubbles: true }));
    for (const form of $$("form:has([data-selected])", event.detail.elt)) countSelected(form);
  });

  function tell(text, kind) {
    const box = $("#dee-lost");
    if (!box || (kind === "reading" && !box.hidden)) return;
    $("[data-lost]", box).textContent = text;
    box.dataset.kind = kind;
    ($("dialog[open]") || document.body).append(box); // an open dialog lies over everything outside it
    box.hidden = false;
  }
  function lost(event) {
    if (event.detail.requestConfig?.verb === "get") tell("The server does not answer. What you see may be old.", "reading");
    else tell("We do not know whether this was saved: the server did not answer. Reload to see what is there; sending the same form again does nothing twice.", "saving");
  }
  /* Where a part of the page was asked for and the page of the login came, nobody is logged in any more. */
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!new URL(event.detail.xhr.responseURL, location.href).pathname.endsWith("/login/")) return;
    event.detail.shouldSwap = false;
    tell("You are logged out, so nothing was done. Reload to log in again; copy first what you have typed.", "out");
  });
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:timeout", lost);
  document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status >= 500) lost(event); });
  document.addEventListener("htmx:afterRequest", (event) => {
    const box = $("#dee-lost");
    if (event.detail.successful && box?.dataset.kind === "reading") box.hidden = true;
  });

  /* ---- Start ---- */
  showTimes(document);
  showPath(document);
  for (const box of $$("[data-setting]")) box.checked = setting.get(box.dataset.setting);
  for (const form of $$("form:has([data-selected])")) countSelected(form);
})();
