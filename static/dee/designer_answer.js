/* What does the page do with the answer to a gesture? It takes in the parts that changed, each by its id.
   A card or wire that is the same, or merely elsewhere, stays the element it was: two hundred of them are not laid out
   anew, and what has the focus keeps it. */
"use strict";
(() => {
  const groups = (root) => [...root.querySelectorAll("[data-parts]")];

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "designer-canvas" || !event.detail.shouldSwap) return;
    event.detail.shouldSwap = false;
    const answer = document.createElement("template");
    answer.innerHTML = event.detail.serverResponse;
    if (!answer.content.getElementById("designer-canvas")) { // why nothing was done, such as a right that is gone
      document.getElementById("designer-notice").replaceChildren(...answer.content.children);
      return;
    }
    for (const fresh of [...answer.content.children]) take(document.getElementById(fresh.id), fresh);
  });

  function take(old, fresh) {
    if (old.id === "designer-said") old.textContent = fresh.textContent; // a live region speaks when its text changes
    else if (old.id === "designer-panel" && typing(old)) return; // drawn anew when they have left the field
    else if (groups(fresh).length && groups(fresh).length === groups(old).length) renew(old, fresh);
    else old.replaceWith(fresh);
  }
  function typing(panel) {
    const field = document.activeElement;
    return panel.contains(field) && field.matches("input:not([type=checkbox], [type=radio]), textarea") && field.value !== field.defaultValue;
  }

  /* Beside its parts, only what has an id is different from one answer to the next. */
  function renew(old, fresh) {
    for (const node of [fresh, ...fresh.querySelectorAll("[id]")]) copy(document.getElementById(node.id), node);
    for (const group of groups(fresh)) keep(old.querySelector(`[data-parts="${group.dataset.parts}"]`), group);
  }
  function keep(old, fresh) {
    const known = new Map([...old.children].map((part) => [part.dataset.key, part]));
    const wanted = [...fresh.children], keys = new Set(wanted.map((part) => part.dataset.key));
    for (const [key, part] of known) if (!keys.has(key)) part.remove();
    let next = old.firstElementChild;
    for (const part of wanted) {
      const same = known.get(part.dataset.key);
      if (same && same === next) next = next.nextElementSibling;
      else old.insertBefore(same || part, next);
      if (same) become(same, part);
    }
  }
  function become(old, fresh) {
    copy(old, fresh);
    const kept = [...old.childNodes], now = [...fresh.childNodes];
    if (kept.length !== now.length || now.some((node, index) => !node.isEqualNode(kept[index]))) old.replaceChildren(...now);
  }
  function copy(old, fresh) {
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "tabindex") old.removeAttribute(name);
  }
})();
