/* The designer's gestures: each becomes one form posted to the server, which keeps the draft and draws it anew.
   Here lives only what a browser knows: the view, the pointer, the focus. Without this file the forms do the same. */
"use strict";
(() => {
  const root = document.getElementById("designer");
  if (!root || !window.htmx) return;
  const $ = (selector, from = root) => from.querySelector(selector);
  const $$ = (selector, from = root) => [...from.querySelectorAll(selector)];
  const canvas = () => $("#designer-canvas");
  const board = () => $("#board");
  const cards = () => $$(".ds-card");
  const cardOf = (step) => cards().find((card) => card.dataset.step === step);
  const chosen = () => $("#designer-panel").dataset.step;
  const say = (text) => { $("#designer-said").textContent = text; };

  /* ---- One gesture after the other: each names the revision that the one before it left ---- */
  const waiting = [];
  let busy = false;

  function post(values, then) {
    waiting.push({ values, then });
    if (!busy) next();
  }
  async function next() {
    const gesture = waiting.shift();
    if (!gesture) return;
    busy = true;
    const inCanvas = canvas().contains(document.activeElement) || document.activeElement === document.body;
    const inPanel = $("#designer-panel").contains(document.activeElement);
    const held = document.activeElement?.id;
    try {
      const values = { ...gesture.values, revision: $("#designer-tools").dataset.rev };
      await window.htmx.ajax("POST", root.dataset.url, { source: root, target: "#designer-canvas", swap: "none", values });
      settle();
      if (gesture.values.op !== "move") reveal(canvas().dataset.step);
      const named = document.getElementById(canvas().dataset.focusNext);
      if (gesture.then) gesture.then();
      else if (inPanel && named) named.focus();
      else if (inCanvas) cardOf(canvas().dataset.step)?.focus({ preventScroll: true });
      else if (inPanel && !$("#designer-panel").contains(document.activeElement)) (held && document.getElementById(held) || $("#panel-title"))?.focus();
    } catch { // no answer: dee.js says that nobody knows whether it was saved
      waiting.length = 0;
    } finally {
      busy = false;
      if (waiting.length) next();
    }
  }
  function settle() {
    const rev = $("#designer-tools").dataset.rev;
    for (const field of $$("input[name=revision]", document)) field.value = rev;
    canvas().classList.add("is-live");
    roving();
    show();
    mark(canvas().dataset.step);
    address(canvas().dataset.step);
  }
  /* A reload shows the panel that is open. */
  const asked = (step) => (step ? `?step=${encodeURIComponent(step)}` : "");
  const address = (step) => history.replaceState(null, "", root.dataset.page + asked(step));

  for (const lost of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(lost, () => { waiting.length = 0; });
  }

  function values(form, button) {
    const given = {};
    for (const [name, value] of new FormData(form, button || undefined)) {
      if (name === "csrfmiddlewaretoken" || name === "revision") continue;
      given[name] = name in given ? [].concat(given[name], value) : value;
    }
    return given;
  }
  root.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-gesture]");
    if (!form) return;
    event.preventDefault();
    const given = values(form, event.submitter);
    const adding = given.op === "add";
    if (adding && cards().length) Object.assign(given, beside(given.after), { near: 1 });
    post(given, adding ? () => cardOf(canvas().dataset.step)?.focus({ preventScroll: true }) : undefined);
  });
  /* Arrow keys change a closed select at every press: a new step is made when its word is confirmed, not passed. */
  let byKey = false, passed = null;
  root.addEventListener("change", (event) => {
    const field = event.target, form = field.closest("form[data-live]");
    if (!form || !field.name || field.matches("[data-alone]")) return;
    passed = byKey && field.matches("select") && field.value.startsWith("+") ? form : null;
    if (passed) say("Press Enter to make this step."); else post(values(form));
  });
  function confirmed() { if (passed) { const form = passed; passed = null; post(values(form)); } }
  root.addEventListener("pointerdown", () => { byKey = false; }, true);
  root.addEventListener("focusout", confirmed);
  root.addEventListener("keydown", (event) => {
    byKey = true;
    if (event.key === "Enter" && passed) { event.preventDefault(); confirmed(); }
  }, true);

  /* ---- The panel ---- */
  async function open(step, focus) {
    await window.htmx.ajax("GET", root.dataset.panel + asked(step), { source: root, target: "#designer-panel", swap: "outerHTML" });
    address(step);
    canvas().dataset.step = step;
    for (const field of $$("#designer-tools input[name=after], #designer-tools input[name=step]")) field.value = step;
    mark(step);
    if (focus) ($("#designer-panel select, #designer-panel form:not(.ds-name) input:not([type=hidden])") || $("#panel-title")).focus();
  }
  function mark(step) {
    for (const card of cards()) {
      card.classList.toggle("is-chosen", card.dataset.step === step);
      if (card.dataset.step === step) card.setAttribute("aria-current", "true"); else card.removeAttribute("aria-current");
    }
    roving(step);
  }
  root.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-open], .ds-card");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (dragged) return;
    const step = link.dataset.open ?? link.dataset.step;
    open(step, false);
    if (link.dataset.open) { reveal(step); cardOf(step)?.focus({ preventScroll: true }); canvas().scrollIntoView({ block: "nearest" }); }
  });

  /* ---- The view: kept per plan in this tab ---- */
  const kept = `dee.view.${root.dataset.page}`;
  let view = null; // x, y of the upper left corner, and how many pixels a unit takes
  const size = { width: canvas().clientWidth, height: canvas().clientHeight }; // kept: asking makes the browser lay out
  const box = () => board().dataset.box.split(" ").map(Number);

  function show() {
    const svg = board();
    if (!svg) return;
    if (!view) try { view = JSON.parse(sessionStorage.getItem(kept)); } catch { /* nothing kept */ }
    if (!view) fit(true);
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${size.width / view.scale} ${size.height / view.scale}`);
    try { sessionStorage.setItem(kept, JSON.stringify(view)); } catch { /* the view is not kept */ }
  }
  function fit(first) {
    const [left, top, width, height] = box();
    const { width: clientWidth, height: clientHeight } = size;
    let scale = Math.min(clientWidth / width, clientHeight / height, 1.15);
    view = { scale, x: left - (clientWidth / scale - width) / 2, y: top - (clientHeight / scale - height) / 2 };
    const start = $(".dg-tag-text")?.closest(".ds-card");
    if (!first || scale >= 0.7 || !start) return;
    scale = 0.75; // a large plan begins where its runs do, so that it can be read
    view = { scale, x: Number(start.dataset.x) + start.dataset.w / 2 - clientWidth / scale / 2, y: Number(start.dataset.y) - 56 };
  }
  function zoom(factor, px = size.width / 2, py = size.height / 2) {
    const scale = Math.min(3, Math.max(0.08, view.scale * factor));
    view = { scale, x: view.x + px / view.scale - px / scale, y: view.y + py / view.scale - py / scale };
    show();
  }
  function reveal(step) {
    const card = cardOf(step);
    if (!card) return;
    const { width: clientWidth, height: clientHeight } = size;
    const x = Number(card.dataset.x), y = Number(card.dataset.y), width = Number(card.dataset.w);
    const px = (x - view.x) * view.scale, py = (y - view.y) * view.scale;
    if (px < 0 || px + width * view.scale > clientWidth) view.x = x + width / 2 - clientWidth / view.scale / 2;
    if (py < 0 || py + 60 * view.scale > clientHeight) view.y = y - clientHeight / view.scale / 2 + 24;
    show();
  }
  /* Where a step is put that nothing leads to: under the chosen card, or in the middle of what is seen. */
  function beside(step) {
    const card = cardOf(step), free = (x, y) => !cards().some((other) => Math.abs(other.dataset.x - x) < 200 && Math.abs(other.dataset.y - y) < 60);
    let x = card ? Number(card.dataset.x) : view.x + size.width / view.scale / 2 - 88;
    let y = card ? Number(card.dataset.y) + 120 : view.y + size.height / view.scale / 2 - 24;
    for (let turn = 0; !free(x, y) && turn < 20; turn++) { if (turn % 2) y += 72; else x += 208; }
    return { x: Math.round(x), y: Math.round(y) };
  }
  const at = (event) => {
    const place = board().getBoundingClientRect();
    return { x: view.x + (event.clientX - place.left) / view.scale, y: view.y + (event.clientY - place.top) / view.scale };
  };
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-view]");
    if (!button || !board()) return;
    if (button.dataset.view === "fit") { fit(false); show(); } else zoom(button.dataset.view === "in" ? 1.25 : 0.8);
  });
  root.addEventListener("wheel", (event) => {
    if (!event.target.closest("#board") || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const place = canvas().getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 300), event.clientX - place.left, event.clientY - place.top);
  }, { passive: false });
  new ResizeObserver(() => {
    Object.assign(size, { width: canvas().clientWidth, height: canvas().clientHeight });
    if (board()) show();
  }).observe(canvas().parentElement);

  /* ---- The pointer: pan, drag a card, pull a wire, drop a tool ---- */
  let drag = null, dragged = false;
  const SVG = "http://www.w3.org/2000/svg";
  const ghost = () => $("#ds-ghost");
  const mouth = (port) => {
    const card = port.closest(".ds-card").dataset;
    return { x: Number(card.x) + Number(port.getAttribute("cx")), y: Number(card.y) + Number(port.getAttribute("cy")) };
  };
  const under = (event) => document.elementsFromPoint(event.clientX, event.clientY);
  const fingers = new Map();

  function draw(name, attributes) {
    const shape = ghost().firstChild || ghost().appendChild(document.createElementNS(SVG, name));
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  }
  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest(".ds-menu")) return;
    dragged = false;
    closeMenu();
    const tool = event.target.closest(".ds-palette .ds-tool");
    if (tool) { drag = { kind: "tool", tool: tool.dataset.kind, from: event }; return; }
    if (!event.target.closest("#board")) return;
    fingers.set(event.pointerId, event);
    const port = event.target.closest(".ds-port"), plus = event.target.closest(".ds-plus"), card = event.target.closest(".ds-card");
    if (plus) menu(event, { after: plus.dataset.source, label: plus.dataset.labels }, "Put in between");
    else if (port) drag = { kind: "wire", port, from: event, start: mouth(port) };
    else if (card) drag = { kind: "card", card, from: event, start: at(event) };
    else drag = { kind: "pan", from: event, view: { ...view } };
  });
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.("#designer")) event.preventDefault(); });

  document.addEventListener("pointermove", (event) => {
    if (fingers.has(event.pointerId) && fingers.size === 2) { pinch(event); return; }
    if (!drag) return;
    const dx = event.clientX - drag.from.clientX, dy = event.clientY - drag.from.clientY;
    if (!dragged && Math.hypot(dx, dy) < 5) return;
    dragged = true;
    if (drag.kind === "pan") {
      view = { ...drag.view, x: drag.view.x - dx / view.scale, y: drag.view.y - dy / view.scale };
      board().classList.add("is-panning");
      show();
      return;
    }
    const here = at(event);
    if (drag.kind === "wire") {
      draw("path", { class: "ds-ghost-wire", d: `M${drag.start.x} ${drag.start.y}C${drag.start.x} ${(drag.start.y + here.y) / 2} ${here.x} ${(drag.start.y + here.y) / 2} ${here.x} ${here.y}` });
      aim(target(event));
    } else if (drag.kind === "card") {
      const x = Number(drag.card.dataset.x) + here.x - drag.start.x, y = Number(drag.card.dataset.y) + here.y - drag.start.y;
      drag.card.setAttribute("transform", `translate(${x} ${y})`);
    } else {
      if (board()) draw("rect", { class: "ds-ghost-card", x: here.x - 88, y: here.y - 24, width: 176, height: 48, rx: 7 });
      offer(wireUnder(event));
    }
  });
  document.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    const done = drag;
    drag = null;
    board()?.classList.remove("is-panning");
    if (!done || !dragged) return;
    ghost()?.replaceChildren();
    aim(null);
    const here = at(event);
    const inside = under(event).some((element) => element.id === "board");
    if (done.kind === "card") move(done.card, here.x - done.start.x, here.y - done.start.y);
    else if (done.kind === "wire") {
      const card = target(event), wire = { step: done.port.dataset.source, label: done.port.dataset.labels };
      if (card) post({ op: "connect", ...wire, to: card.dataset.step });
      else if (inside) menu(event, { after: wire.step, label: wire.label, x: here.x - 88, y: here.y }, "Add here");
    } else if (done.kind === "tool" && inside) {
      const wire = wireUnder(event);
      const place = wire ? { after: wire.dataset.source, label: wire.dataset.labels } : { x: here.x - 88, y: here.y - 24 };
      post({ op: "add", kind: done.tool, ...place });
    }
    setTimeout(() => { dragged = false; }); // the click that ends a drag opens nothing
  });
  document.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); drag = null; ghost()?.replaceChildren(); });
  document.addEventListener("click", (event) => {
    if (dragged && event.target.closest(".ds-palette .ds-tool")) event.preventDefault(); // dropped, not pressed
  }, true);

  function pinch(event) {
    const [one, two] = [...fingers.values()], was = Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
    fingers.set(event.pointerId, event);
    const [a, b] = [...fingers.values()], is = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    const place = canvas().getBoundingClientRect();
    drag = null;
    if (was > 0) zoom(is / was, (a.clientX + b.clientX) / 2 - place.left, (a.clientY + b.clientY) / 2 - place.top);
  }
  const target = (event) => under(event).map((element) => element.closest?.(".ds-card")).find(Boolean);
  const wireUnder = (event) => under(event).map((element) => element.closest?.(".dg-wire")).find(Boolean);
  /* One "+" for all wires: it goes to the one under the pointer. */
  function offer(wire) {
    const plus = $("#ds-plus");
    if (!plus) return;
    plus.classList.toggle("is-shown", Boolean(wire));
    if (wire) {
      plus.setAttribute("transform", `translate(${wire.dataset.x} ${wire.dataset.y})`);
      Object.assign(plus.dataset, { source: wire.dataset.source, labels: wire.dataset.labels });
    }
  }
  root.addEventListener("pointerover", (event) => {
    if (drag || event.target.closest(".ds-plus")) return;
    const wire = event.target.closest(".dg-wire");
    if (wire || event.target.closest("#board")) offer(wire);
  });
  function aim(card) { for (const each of cards()) each.classList.toggle("is-aim", each === card); }
  function move(card, dx, dy) {
    const x = Math.round((Number(card.dataset.x) + dx) / 8) * 8, y = Math.round((Number(card.dataset.y) + dy) / 8) * 8;
    post({ op: "move", step: card.dataset.step, x, y });
  }

  /* ---- A menu of kinds where a wire was dropped ---- */
  function menu(event, more, title) {
    closeMenu();
    const place = canvas().getBoundingClientRect(), box = document.createElement("div");
    box.className = "ds-menu";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", title);
    box.append(Object.assign(document.createElement("p"), { textContent: title }));
    for (const tool of $$(".ds-palette .ds-tool")) {
      const button = tool.cloneNode(true);
      button.removeAttribute("id");
      button.type = "button";
      button.addEventListener("click", () => { closeMenu(); post({ op: "add", kind: tool.dataset.kind, ...more }); });
      box.append(button);
    }
    canvas().append(box);
    placeAt(box, event.clientX - place.left, event.clientY - place.top);
    $("button", box).focus();
  }
  function placeAt(box, x, y) { // a stylesheet of our own making is allowed where a style attribute is not
    box.style.setProperty("left", `${Math.max(4, Math.min(x, canvas().clientWidth - box.offsetWidth - 8))}px`);
    box.style.setProperty("top", `${Math.max(4, Math.min(y, canvas().clientHeight - box.offsetHeight - 8))}px`);
  }
  function closeMenu() { $(".ds-menu")?.remove(); }

  /* One card is in the tab order; designer_keys.js takes the others from there. */
  function roving(step) {
    const all = cards();
    const current = cardOf(step) || all.find((card) => card.getAttribute("tabindex") === "0") || all[0];
    for (const card of all) card.setAttribute("tabindex", card === current ? "0" : "-1");
  }
  window.deeDesigner = {
    root, $, $$, cards, cardOf, canvas, chosen, say, post, open, move, aim, zoom, show, fit, reveal, roving, resting: () => !busy,
  };
  settle();
})();
