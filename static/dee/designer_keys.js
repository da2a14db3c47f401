/* The designer by keyboard: one card is in the tab order, arrows go to the others, and everything is said aloud. */
"use strict";
(() => {
  if (!window.deeDesigner) return;
  const { root, $, $$, cards, cardOf, canvas, chosen, say, post, open, move, aim, zoom, show, fit, reveal, roving, resting } = window.deeDesigner;

  let wiring = null; // the outcome that is being connected: step, labels, index, aim

  function neighbour(from, key) {
    const x = Number(from.dataset.x), y = Number(from.dataset.y);
    const flat = key === "ArrowLeft" || key === "ArrowRight", sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    let best = null, least = Infinity;
    for (const card of cards()) {
      const dx = Number(card.dataset.x) - x, dy = Number(card.dataset.y) - y;
      const along = (flat ? dx : dy) * sign, across = Math.abs(flat ? dy : dx);
      const cost = along + 2 * across;
      if (card !== from && along > 0 && cost < least) { best = card; least = cost; }
    }
    return best;
  }
  function go(card) {
    roving(card.dataset.step);
    reveal(card.dataset.step);
    card.focus({ preventScroll: true });
  }
  function startWire(card) {
    const ports = $$(`.ds-port[data-source="${CSS.escape(card.dataset.step)}"]`);
    const labels = ports.flatMap((port) => port.dataset.labels.split(" ").map((label) => ({ label, open: port.classList.contains("is-open") })));
    if (!labels.length) { say(`${card.dataset.step} has no outcome that could lead anywhere.`); return; }
    labels.sort((one, other) => Number(other.open) - Number(one.open));
    wiring = { step: card.dataset.step, labels: labels.map((each) => each.label), index: 0, aim: card };
    card.classList.add("is-source");
    tellWire();
  }
  function tellWire() {
    const target = wiring.aim.dataset.step === wiring.step ? "choose a target with the arrows" : `to ${wiring.aim.dataset.step}`;
    const more = wiring.labels.length > 1 ? " c takes the next outcome." : "";
    say(`Connecting ${wiring.labels[wiring.index]} of ${wiring.step}: ${target}. Enter connects.${more} Escape stops.`);
    aim(wiring.aim.dataset.step === wiring.step ? null : wiring.aim);
  }
  function stopWire() {
    if (!wiring) return;
    cardOf(wiring.step)?.classList.remove("is-source");
    aim(null);
    wiring = null;
  }
  function wireKey(event) {
    const label = wiring.labels[wiring.index], step = wiring.step;
    if (event.key.startsWith("Arrow")) { wiring.aim = neighbour(wiring.aim, event.key) || wiring.aim; reveal(wiring.aim.dataset.step); tellWire(); }
    else if (event.key === "c") { wiring.index = (wiring.index + 1) % wiring.labels.length; tellWire(); }
    else if (event.key === "Enter") { const to = wiring.aim.dataset.step; stopWire(); post({ op: "connect", step, label, to }); }
    else if (event.key === "Backspace") { stopWire(); post({ op: "connect", step, label, to: "" }); }
    else if (event.key === "Escape") { stopWire(); say("Nothing was connected."); }
    else return false;
    return true;
  }

  function cardKey(event, card) {
    const step = card.dataset.step;
    if (wiring) return wireKey(event);
    if (event.key.startsWith("Arrow")) {
      if (event.altKey) {
        const far = { ArrowLeft: [-24, 0], ArrowRight: [24, 0], ArrowUp: [0, -24], ArrowDown: [0, 24] }[event.key];
        move(card, ...far);
      } else { const there = neighbour(card, event.key); if (there) go(there); }
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const acts = {
      Enter: () => open(step, true),
      " ": () => open(step, false),
      a: async () => { await open(step, false); $(".ds-palette .ds-tool").focus(); },
      c: () => startWire(card),
      d: () => post({ op: "duplicate", step }),
      Delete: () => post({ op: "remove", step }),
      "+": () => zoom(1.25), "-": () => zoom(0.8),
      f: () => { fit(false); show(); },
      t: () => post({ op: "tidy", step }),
      "?": () => document.getElementById("designer-keys").showModal(),
    };
    if (!acts[event.key]) return false;
    acts[event.key]();
    return true;
  }
  root.addEventListener("keydown", (event) => {
    const card = event.target.closest(".ds-card");
    if (card && cardKey(event, card)) { event.preventDefault(); event.stopPropagation(); return; }
    if (event.key === "Escape" && $(".ds-menu")) { $(".ds-menu").remove(); return; }
    const tool = event.target.closest(".ds-palette .ds-tool");
    if (tool && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const all = $$(".ds-palette .ds-tool");
      all[(all.indexOf(tool) + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length].focus();
      event.preventDefault();
    }
    if (event.key === "Escape" && (tool || event.target.closest("#designer-panel"))) cardOf(chosen())?.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.closest("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    if (key === "z" || key === "y") {
      event.preventDefault();
      post({ op: key === "y" || event.shiftKey ? "redo" : "undo", step: chosen() });
    }
  });
  document.addEventListener("copy", (event) => {
    const card = document.activeElement?.closest(".ds-card");
    const button = $("#panel-copy");
    if (!card || !button || chosen() !== card.dataset.step || String(getSelection())) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", button.dataset.copy);
    say(`Copied ${card.dataset.step}.`);
  });
  document.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain");
    if (event.target.closest?.("input, textarea, select") || !text.includes('"dee.steps/1"')) return;
    event.preventDefault();
    post({ op: "paste", text }, () => cardOf(canvas().dataset.step)?.focus({ preventScroll: true }));
  });
  root.addEventListener("focusin", (event) => {
    const card = event.target.closest(".ds-card");
    if (card && card.matches(":focus-visible")) { roving(card.dataset.step); if (chosen() !== card.dataset.step && !wiring) preview(card.dataset.step); }
  });
  /* The panel follows the focus after a moment of rest, so that walking through the plan reads it. */
  let rest = 0;
  function preview(step) {
    clearTimeout(rest);
    rest = setTimeout(() => { if (document.activeElement?.dataset?.step === step && resting() && !wiring) open(step, false); }, 350);
  }
})();
