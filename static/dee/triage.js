/* The keys of the failure inbox: j k move, x ticks, r e a s n act. The cursor is the focus, so it is seen and heard; it
   stays where it was after an act, and after the page of an act. Everything is possible without this file. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const KEPT = "dee.row:" + location.pathname;
  const rows = () => $$("table[data-keys] tr[data-row]");
  const box = (row) => $("input[data-select]", row);
  const current = () => $("table[data-keys] tr[aria-current]");

  let ticked = new Set(); // the rows a person ticked, so that an act does not lose them
  let lent = null; // the row that a key ticked because nothing else was

  /* ---- The cursor: kept for this tab, by run and by place, since an act may take the run away ---- */
  function keep(row) {
    try { sessionStorage.setItem(KEPT, JSON.stringify([row.dataset.row, rows().indexOf(row)])); } catch { /* no store */ }
  }

  function kept() {
    let no = "", at = -1;
    try { [no, at] = JSON.parse(sessionStorage.getItem(KEPT)) || [no, at]; } catch { /* no store */ }
    const all = rows();
    return at < 0 ? null : all.find((row) => row.dataset.row === no) || all[Math.min(at, all.length - 1)] || null;
  }

  function mark(row) {
    current()?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    keep(row);
  }

  function go(row) {
    if (!row) return;
    mark(row);
    $("th a", row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("table[data-keys] tr[data-row]");
    if (row && row !== current()) mark(row);
  });

  /* ---- Ticks ---- */
  function say(text) { const said = $("#dee-said"); if (said) said.textContent = text; }

  function tick(row, on) {
    box(row).checked = on;
    box(row).dispatchEvent(new Event("change", { bubbles: true }));
  }

  function giveBack() {
    const row = lent;
    lent = null;
    if (row?.isConnected) tick(row, false);
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-select], [data-select-all]")) return;
    ticked = new Set(rows().filter((row) => box(row).checked && row !== lent).map((row) => row.dataset.row));
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches(".box[popover]") && event.newState === "closed") giveBack();
  }, true);

  /* Enter in a field of a box means the button of that box. */
  document.addEventListener("keydown", (event) => {
    const box = event.key === "Enter" && event.target.matches("input, select") && event.target.closest(".box[popover]");
    if (!box) return;
    event.preventDefault();
    $(".btn-primary", box).click();
  });

  /* ---- Keys, as dee.js hands them on: never while somebody types ---- */
  document.addEventListener("dee:key", (event) => {
    const key = event.detail, all = rows();
    if (!all.length) return;
    const row = current();
    if (key === "j" || key === "k") {
      event.preventDefault();
      const at = row ? all.indexOf(row) + (key === "j" ? 1 : -1) : 0;
      go(all[Math.max(0, Math.min(all.length - 1, at))]);
    } else if (key === "Enter") {
      if (row && document.activeElement === document.body) $("th a", row).click();
    } else if (key === "x") {
      event.preventDefault();
      if (!row) { go(all[0]); return; }
      tick(row, !box(row).checked);
      say(`${$("th a", row).textContent} ${box(row).checked ? "ticked" : "not ticked"}, ${ticked.size} selected`);
    } else if (["r", "e", "a", "s", "n"].includes(key)) {
      event.preventDefault();
      act(key, row, all);
    }
  });

  function act(key, row, all) {
    if (!all.some((one) => box(one).checked)) {
      if (!row) { go(all[0]); say("Nothing is ticked: this is the first row. Press the key again to mean it."); return; }
      lent = row;
      tick(row, true);
    }
    const button = $(`[data-key="${key}"]`);
    if (button && !button.disabled) { button.click(); return; }
    say($("#no-right")?.textContent || "That is not possible for these runs.");
    giveBack();
  }

  /* ---- After an act, and on the way in ---- */
  function shown(after) {
    for (const field of $$("[data-zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    lent = null;
    for (const row of rows()) if (ticked.has(row.dataset.row)) box(row).checked = true;
    const row = kept();
    if (row && after) go(row);
    else if (row) mark(row);
    if (after) say($("[data-said]")?.textContent.trim().replace(/\s+/g, " ") || "");
  }
  document.addEventListener("dee:shown", (event) => { if (event.target.id === "failures") shown(true); });
  shown(false);
})();
