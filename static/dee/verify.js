/* Does the stored log hold, and does this page show what was hashed? The twin of audit/chain.py for the browser.

   The first half is pure functions over texts: no page, no clock, no network (window.DeeVerify). The second half
   fetches the exact stored bytes, feeds them in pieces, compares them with the table on the page and says what was
   checked. SHA-256 is written out here because crypto.subtle does not exist on plain http, where many intranets live;
   for texts of this size it is faster as well. Source: DESIGN §9, study/audit.md §6. */
"use strict";
const DeeVerify = (() => {
  const BODY_KEYS = "cause,data,n,prev,st,step,tick,type,v,visit";
  const STAMP_KEYS = "at,by,h,seq";
  const KEY = /^[a-z][a-z0-9_]{0,47}$/;
  const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
  const MAX_DEPTH = 16, MAX_BYTES = 16384;
  const utf8 = new TextEncoder();

  /* ---- SHA-256 (FIPS 180-4) over bytes, as hex ---- */
  const K = new Uint32Array(64), H0 = new Uint32Array(8);
  (() => {
    const fraction = (x) => ((x - Math.floor(x)) * 4294967296) >>> 0;
    for (let n = 2, found = 0; found < 64; n++) {
      let prime = true;
      for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
      if (!prime) continue;
      if (found < 8) H0[found] = fraction(Math.sqrt(n));
      K[found++] = fraction(Math.cbrt(n));
    }
  })();
  const W = new Uint32Array(64);

  function sha256(text) {
    const data = typeof text === "string" ? utf8.encode(text) : text;
    const padded = new Uint8Array(((data.length + 8) >> 6 << 6) + 64);
    padded.set(data);
    padded[data.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(data.length / 536870912));
    view.setUint32(padded.length - 4, (data.length << 3) >>> 0);
    const H = H0.slice();
    for (let at = 0; at < padded.length; at += 64) block(H, view, at);
    return Array.from(H, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  function block(H, view, at) {
    for (let i = 0; i < 16; i++) W[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15], y = W[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      W[i] = W[i - 16] + s0 + W[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    H[0] += a; H[1] += b; H[2] += c; H[3] += d; H[4] += e; H[5] += f; H[6] += g; H[7] += h;
  }

  const entryHash = (body) => sha256("dee.entry/1\n" + body);

  /* ---- The canonical form: a value's one text, or a reason why it has none ---- */
  class NotCanonical extends Error {}

  function encode(value, depth = 1) {
    if (value === null || typeof value === "boolean") return String(value);
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) throw new NotCanonical(value + " is not an integer within ±(2^53−1)");
      return String(value);
    }
    if (typeof value === "string") {
      if (value.includes("\u0000")) throw new NotCanonical("the character U+0000 is not allowed");
      if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value)) throw new NotCanonical("a lone surrogate is not allowed");
      return JSON.stringify(value);
    }
    if (depth > MAX_DEPTH) throw new NotCanonical("nested deeper than " + MAX_DEPTH + " levels");
    if (Array.isArray(value)) return "[" + value.map((item) => encode(item, depth + 1)).join(",") + "]";
    return "{" + Object.keys(value).sort().map((key) => {
      if (!KEY.test(key)) throw new NotCanonical("the key “" + key + "” is not allowed");
      return JSON.stringify(key) + ":" + encode(value[key], depth + 1);
    }).join(",") + "}";
  }

  /* Parse a text that must be canonical byte for byte: that also refuses doubled keys, 1.0, 1e2, -0 and spaces,
     because none of them comes out again as it went in. */
  function decodeExact(text) {
    if (text.length > MAX_BYTES || utf8.encode(text).length > MAX_BYTES) throw new NotCanonical("longer than " + MAX_BYTES + " bytes");
    let value;
    try { value = JSON.parse(text); } catch (error) { throw new NotCanonical(error.message); }
    if (encode(value) !== text) throw new NotCanonical("valid JSON, but not in canonical form");
    return value;
  }

  const genesis = (facts) => sha256("dee.genesis/1\n" + encode({ alg: "sha256", sem: 1, ...facts }));

  function genesisOf(body) {
    if (!body.st.startsWith("run/")) return genesis({ st: body.st });
    const { plan, contact, start_at } = body.data;
    return genesis({ st: body.st, plan_hash: plan.hash, contact_hash: contact.hash, start_at });
  }

  const keysOf = (value) => value && typeof value === "object" && !Array.isArray(value) ? Object.keys(value).sort().join(",") : "";

  /* ---- One reader of one stream ("" for the whole log). push() each line; the first break ends it. ---- */
  class Checker {
    /* known: what the page claims the stream to be, {length, head}; both may be missing. */
    constructor(stream = "", known = {}) {
      this.stream = stream;
      this.known = known;
      this.heads = new Map(); // stream -> [n, hash]
      this.checked = 0;
      this.seq = -1;
      this.at = "";
      this.broken = null;
    }

    /* line: {body, stamp, hash, seq}. Return the entry's decoded body, or null when the chain is broken here. */
    push(line) {
      if (this.broken) return null;
      let body;
      try { body = decodeExact(line.body); } catch (error) { body = error; }
      const readable = keysOf(body) === BODY_KEYS;
      const st = this.stream || (readable ? body.st : "?");
      const [last, head] = this.heads.get(st) || [0, ""];
      const fail = (kind, message, expected = "", actual = "") => {
        this.broken = { st, n: last + 1, seq: line.seq, kind, message, expected: String(expected), actual: String(actual) };
        return null;
      };
      const hash = entryHash(line.body);
      if (hash !== line.hash) return fail("altered_text", "its text does not give its recorded hash: the text was changed after it was written", line.hash, hash);
      if (body instanceof Error) return fail("not_canonical", "its text is not canonical: " + body.message);
      if (!readable) return fail("not_an_entry", "its text has other fields than an entry", BODY_KEYS, keysOf(body));
      if (body.st !== st) return fail("wrong_stream", "an entry of another stream stands here", st, body.st);
      if (body.n !== last + 1) return fail("missing_entry", "entry " + (last + 1) + " is missing; the next one found is number " + body.n, last + 1, body.n);
      let prev = head;
      if (body.n === 1) {
        try { prev = genesisOf(body); } catch { return fail("wrong_start", "the first entry does not say what it started with"); }
      }
      if (body.prev !== prev) return fail("wrong_link", body.n === 1 ? "it does not begin at the genesis of this stream" : "it does not point to the entry before it", prev, body.prev);
      if (body.n === this.known.length && this.known.head && this.known.head !== hash) return fail("head_differs", "the run itself remembers another head at this entry", this.known.head, hash);
      const stamped = this.stampProblem(line);
      if (stamped) return fail(...stamped);
      this.heads.set(st, [body.n, line.hash]);
      this.checked += 1;
      this.seq = line.seq;
      return body;
    }

    stampProblem(line) {
      let stamp;
      try { stamp = decodeExact(line.stamp); } catch (error) { return ["bad_stamp", "its stamp is not canonical: " + error.message]; }
      if (keysOf(stamp) !== STAMP_KEYS || !AT.test(stamp.at)) return ["bad_stamp", "its stamp has other fields than a stamp"];
      if (stamp.h !== line.hash) return ["stamp_differs", "its stamp names another entry", line.hash, stamp.h];
      if (stamp.seq !== line.seq) return ["stamp_differs", "its stamp names another place in the log", line.seq, stamp.seq];
      if (this.stream ? line.seq <= this.seq : line.seq !== this.seq + 1) return ["missing_place", "places of the log are missing before it", this.seq + 1, line.seq];
      if (stamp.at < this.at) return ["clock_went_back", "its stamp is earlier than the one before it", this.at, stamp.at];
      this.at = stamp.at;
      return null;
    }

    /* Fewer entries than the page knows of is a tail that was cut off. */
    finish() {
      const length = this.known.length || 0;
      if (!this.broken && this.checked && this.checked < length) {
        this.broken = { st: this.stream || "log", n: this.checked + 1, seq: this.seq + 1, kind: "cut_off", message: "the end is cut off: this page knows of more entries than the server sent", expected: String(length), actual: String(this.checked) };
      }
      return this.broken ? "BROKEN" : this.checked ? "CONSISTENT" : "NOTHING";
    }
  }

  /* Compare what a row shows with the entry that was hashed. shown: {n, type, tick, step, hash} as texts; missing = not shown. */
  function shownDiffers(shown, body, hash) {
    const real = { n: String(body.n), type: body.type, tick: String(body.tick), step: body.step };
    for (const [name, value] of Object.entries(real)) {
      if (shown[name] !== undefined && shown[name] !== value) return { name, expected: value, actual: shown[name] };
    }
    if (shown.hash !== undefined && !(shown.hash.length >= 8 && hash.startsWith(shown.hash))) return { name: "hash", expected: hash, actual: shown.hash };
    return null;
  }

  return { sha256, entryHash, encode, decodeExact, genesis, Checker, shownDiffers, NotCanonical };
})();
window.DeeVerify = DeeVerify;

/* ---- The page ---- */
(() => {
  const SLICE_MS = 24; // work this long, then let the browser breathe
  const short = (text) => (text.length > 24 ? text.slice(0, 16) + "…" : text);

  function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  /* Every row of the table, twice: what its attributes say and what a person reads in it. */
  function rowsOnPage(box) {
    return [...box.querySelectorAll("tr[data-n]")].map((row) => {
      const said = { n: row.dataset.n, type: row.dataset.type, tick: row.dataset.tick, step: row.dataset.step, hash: row.dataset.hash };
      const read = {};
      for (const cell of row.querySelectorAll("[data-show]")) read[cell.dataset.show] = cell.textContent.trim();
      return { row, n: Number(row.dataset.n), said, read };
    });
  }

  async function* lines(url, signal) {
    const response = await fetch(url, { signal, cache: "no-store", credentials: "same-origin" });
    if (!response.ok) throw new Error("the server answered " + response.status + " instead of the entries");
    const reader = response.body.pipeThrough(new TextDecoderStream("utf-8", { fatal: true, ignoreBOM: true })).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield parts;
    }
    if (rest) throw new Error("the last line of the entries is cut off");
  }

  async function check(box, stream, progress, signal) {
    const size = Number(box.dataset.length || 0);
    const checker = new DeeVerify.Checker(stream, stream === box.dataset.stream ? { length: size, head: box.dataset.head } : {});
    const shown = new Map(rowsOnPage(box).map((row) => [row.n, row]));
    const started = performance.now();
    const seen = stream ? memory(stream) : null;
    let differs = null, contradicts = false, compared = 0, breathe = started;
    const url = new URL(box.dataset.chain, location.href);
    if (stream) url.searchParams.set("stream", stream);
    for await (const piece of lines(url, signal)) {
      for (const text of piece) {
        const line = JSON.parse(text);
        const body = checker.push(line);
        if (!body) break;
        if (seen && body.n === seen.n && line.hash !== seen.hash) contradicts = true;
        const row = stream && shown.get(body.n);
        if (row) {
          const difference = DeeVerify.shownDiffers(row.said, body, line.hash) || DeeVerify.shownDiffers(row.read, body, line.hash);
          if (difference) { differs = { ...difference, n: body.n }; break; }
          compared += 1;
        }
        if (performance.now() - breathe > SLICE_MS) {
          progress(checker.checked, size);
          await new Promise((go) => setTimeout(go));
          breathe = performance.now();
        }
      }
      if (checker.broken || differs) break;
    }
    const ms = Math.round(performance.now() - started);
    const verdict = differs ? "BROKEN" : checker.finish();
    const extra = [...shown.keys()].filter((n) => verdict === "CONSISTENT" && n > checker.checked);
    if (seen && checker.checked < seen.n) contradicts = true;
    const head = stream ? (checker.heads.get(stream) || [0, ""])[1] : "";
    if (stream && verdict === "CONSISTENT" && !contradicts) memory(stream, { n: checker.checked, hash: head, at: new Date().toISOString() });
    return { verdict, checker, differs, compared, ms, extra, head, seen: contradicts ? seen : null };
  }

  /* This browser remembers how far it has seen a stream; a history that no longer contains that was rewritten. */
  function memory(stream, now) {
    const key = "dee.seen." + location.host + "." + stream;
    try {
      if (now) localStorage.setItem(key, JSON.stringify(now));
      return JSON.parse(localStorage.getItem(key) || "null");
    } catch { return null; }
  }

  function mark(box, brokenAt, checked) {
    for (const { row, n } of rowsOnPage(box)) {
      row.dataset.mark = brokenAt ? (n < brokenAt ? "ok" : n === brokenAt ? "bad" : "unknown") : n <= checked ? "ok" : "unknown";
    }
  }

  function say(box, level, head, ...sentences) {
    const notice = element("div", "notice notice-" + level, element("p", "", element("strong", "", head)));
    for (const sentence of sentences.filter(Boolean)) notice.append(element("p", "", sentence));
    notice.tabIndex = -1;
    const result = box.querySelector("[data-verify-result]");
    result.replaceChildren(notice);
    result.dataset.verdict = head.split(":")[0];
    notice.focus();
  }

  function report(box, stream, found) {
    const { verdict, checker, differs, compared, ms } = found;
    const what = stream || "the whole log", entries = checker.checked + (checker.checked === 1 ? " entry" : " entries");
    const same = "The checker of this page came from the server it checks; for an independent check download the entries.";
    if (differs) {
      mark(box, differs.n, checker.checked);
      say(box, "bad", "BROKEN at entry " + differs.n + ": this page shows something else than what was hashed.",
        "Its " + differs.name + " reads “" + short(differs.actual) + "”, the hashed text says “" + short(differs.expected) + "”. Do not trust what this page says about it.");
    } else if (verdict === "BROKEN") {
      const at = checker.broken;
      mark(box, at.n, checker.checked);
      const numbers = at.expected || at.actual ? "Expected " + short(at.expected) + ", found " + short(at.actual) + "." : "";
      say(box, "bad", "BROKEN at entry " + at.n + " of " + at.st + " (" + at.kind + "): " + at.message + ".", numbers,
        entries + " before it hold; entries after it prove nothing.");
    } else if (verdict === "NOTHING") {
      say(box, "warn", "NOTHING TO VERIFY: 0 entries of " + what + " were read.", "That is never “fine”: either the name is wrong, or everything is gone.");
    } else {
      const streams = checker.heads.size;
      const checkedWhat = "Checked here in " + ms + " ms: " + entries + " of " + what + (stream ? "" : " in " + streams + " streams") +
        ": each text against its hash and its canonical form, each link from the genesis on, each number, each stamp" +
        (compared ? "; and that the " + compared + " rows on this page show what was hashed." : ".");
      mark(box, 0, checker.checked);
      if (found.seen) {
        say(box, "bad", "CONTRADICTS what this browser saw before: on " + found.seen.at.slice(0, 10) + " entry " + found.seen.n + " of " + what + " was another one.",
          "The history holds in itself, so somebody rewrote it and every hash in it. " + checkedWhat);
        return;
      }
      say(box, "info", "CONSISTENT, NOT ANCHORED: " + entries + " of " + what + " hold.", checkedWhat + (found.head ? " Head " + found.head.slice(0, 16) + "…" : ""),
        found.extra.length ? "This page shows entries " + found.extra.join(", ") + ", which the server did not send." : "",
        "Nobody outside this server has confirmed this history: whoever owns the database could have rewritten all of it. " + same);
    }
  }

  async function run(box, stream) {
    const result = box.querySelector("[data-verify-result]");
    if (DeeVerify.sha256("abc") !== "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") {
      say(box, "bad", "NOT CHECKED: this browser computes SHA-256 wrongly.");
      return;
    }
    const bar = element("progress", "bar"), words = element("span", "muted", "Reading …"), stop = element("button", "btn btn-small", "Cancel");
    const control = new AbortController();
    stop.type = "button";
    stop.addEventListener("click", () => control.abort());
    result.replaceChildren(element("p", "", words, " ", stop), bar);
    delete result.dataset.verdict;
    const progress = (done, size) => {
      words.textContent = done + " entries hold so far …";
      if (size) { bar.max = size; bar.value = done; }
    };
    try {
      report(box, stream, await check(box, stream, progress, control.signal));
    } catch (error) {
      const why = control.signal.aborted ? "You cancelled it." : error.message + ".";
      say(box, "warn", "NOT CHECKED: no verdict.", why);
    }
  }

  document.addEventListener("click", (event) => {
    const start = event.target.closest("[data-verify-start]");
    const box = start && start.closest("[data-verify]");
    if (!box) return;
    event.preventDefault();
    const field = box.querySelector("input[name=stream]");
    const typed = field ? field.value.trim().replace(/^run-(\d+)$/, "run/$1") : box.dataset.stream;
    start.disabled = true;
    run(box, typed).finally(() => { start.disabled = false; });
  });
  for (const button of document.querySelectorAll("button[data-verify-start][hidden]")) button.hidden = false;
})();
