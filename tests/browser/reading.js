/* Can everybody read and use this page? Returns what WCAG 2.2 AA would object to, as sentences: contrast of text,
   size of targets, names of controls, ids that point nowhere, headings that jump. Evaluated by test_frame.py. */
() => {
  const found = new Set();
  const parse = (text) => { const m = text.match(/[\d.]+/g).map(Number); return { r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1 }; };
  const over = (top, under) => Object.fromEntries([..."rgb"].map((c) => [c, top[c] * top.a + under[c] * (1 - top.a)]).concat([["a", 1]]));
  const light = (c) => { const f = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4); return 0.2126 * f(c.r) + 0.7152 * f(c.g) + 0.0722 * f(c.b); };

  function ground(element) {
    const layers = [];
    for (let el = element; el; el = el.parentElement) {
      const colour = getComputedStyle(el).backgroundColor;
      if (!colour.startsWith("rgb")) continue;
      layers.push(parse(colour));
      if (layers.at(-1).a === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  }

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), el = texts.currentNode.parentElement;
    if (!text || !el.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    if (el.closest("svg, .visually-hidden, [disabled], [aria-disabled=true], option")) continue;
    const style = getComputedStyle(el), under = ground(el), size = parseFloat(style.fontSize);
    const [a, b] = [light(over(parse(style.color), under)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`“${text.slice(0, 40)}” has a contrast of ${ratio.toFixed(2)}`);
  }

  for (const el of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
    if (!el.checkVisibility()) continue;
    const box = el.getBoundingClientRect(), what = `${el.tagName} “${el.textContent.trim().slice(0, 30)}”`;
    const labels = [...(el.labels || [])].map((label) => label.textContent.trim()).join("");
    if (!(el.getAttribute("aria-label") || el.textContent.trim() || labels || el.title || el.value)) found.add(`${what} has no name`);
    // A link inside a sentence and a native tick box may be small (2.5.8, exceptions).
    const free = getComputedStyle(el).display === "inline" || ["checkbox", "radio"].includes(el.type);
    if (!free && box.height < 23.5) found.add(`${what} is ${Math.round(box.height)} px high`);
  }

  const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
  for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) found.add(`the id ${id} stands twice`);
  for (const name of ["aria-labelledby", "aria-describedby"]) {
    for (const el of document.querySelectorAll(`[${name}]`)) {
      for (const id of el.getAttribute(name).split(" ")) if (id && !document.getElementById(id)) found.add(`${name} points to ${id}, which is not there`);
    }
  }
  const levels = [...document.querySelectorAll("main :is(h1, h2, h3, h4)")].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]));
  levels.forEach((level, at) => { if (at && level > levels[at - 1] + 1) found.add(`a heading jumps from h${levels[at - 1]} to h${level}`); });
  return [...found];
}
