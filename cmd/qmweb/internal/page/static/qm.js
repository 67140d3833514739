// QM: the one script of all pages. Without it the pages are complete, too: they
// reload by themselves, and show the end of a log.
//
// What it does, for who changes it:
// - live: a page that changes is fetched again while its tab is visible, and what
//   is there is changed into what came, node by node (morph), so focus, selection,
//   scrolling and what is typed stay. Nodes are matched by id, or by the link in
//   them. What has data-keep is left alone while the page stays the same job's.
// - words: what is fetched so has no words for times, so that it is the same, and
//   need not be sent, while nothing but time passes. They are written here.
// - the filter of the jobs that are done works while one types.
// - the log is followed by offset. It is kept as bytes up to the last line break,
//   so that a character or an escape sequence that comes in two pieces is read
//   whole; terminal/style.go does the same on the server, and both must agree.
// Texts go into the page as text only; there is no HTML made here.
"use strict";
(() => {
  const slowest = 30000; // ms between two looks
  const $ = id => document.getElementById(id);
  const isLive = () => document.body.hasAttribute("data-live");
  const every = () => 1000 * (+document.body.dataset.live || 2); // ms between two looks

  // ---- words ----
  // The same as ago, span and roughly in words.go; both must agree.

  const minute = 60, hour = 60 * minute, day = 24 * hour; // s
  const whole = Math.floor;

  function agoText(ms) {
    const s = whole(Math.abs(ms) / 1000);
    if (s < 2) return "just now";
    const text = s < minute ? s + " s" : s < hour ? whole(s / minute) + " min" : s < 2 * day ? whole(s / hour) + " h" :
      s < 60 * day ? whole(s / day) + " days" : s < 730 * day ? whole(s / (30 * day)) + " months" : whole(s / (365 * day)) + " years";
    return ms < 0 ? "in " + text : text + " ago";
  }

  function spanText(ms) {
    const s = whole(ms / 1000);
    const two = (big, bigName, small, smallName) => {
      const rest = whole(s % big / small);
      return whole(s / big) + " " + bigName + (rest ? " " + rest + " " + smallName : "");
    };
    if (s < 1) return (Math.max(ms, 0) / 1000).toFixed(1) + " s";
    return s < minute ? s + " s" : s < hour ? two(minute, "min", 1, "s") : s < day ? two(hour, "h", minute, "min") : two(day, "d", hour, "h");
  }

  function leftText(ms) {
    const round = unit => Math.round(ms / 1000 / unit) * unit;
    if (ms < 10000) return "a few seconds";
    if (ms < 60000) return "about " + round(5) + " s";
    return "about " + spanText(1000 * round(ms < 10000 * hour ? minute : hour));
  }

  // ---- clock ----

  let ahead = NaN; // ms that the server's clock is ahead of ours; not known before the first answer

  // setClock takes the time from an answer, which tells it in whole seconds.
  function setClock(answer) {
    const now = Date.parse(answer.headers.get("Date")) + 500 - Date.now();
    if (!(Math.abs(now - ahead) < 1500)) ahead = now;
  }

  // tell writes the words for all times below a node, where they are others now.
  function tell(root) {
    if (isNaN(ahead)) return;
    const now = Date.now() + ahead;
    const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };
    for (const time of root.querySelectorAll("time")) {
      const ms = now - Date.parse(time.dateTime);
      say(time, time.dataset.as === "span" ? spanText(ms) : agoText(ms));
    }
    for (const left of root.querySelectorAll("[data-left]")) {
      say(left, leftText((now - Date.parse(left.dataset.since)) * (100 / left.dataset.left - 1)));
    }
  }

  let ticking = 0;

  // tick keeps the words true while somebody sees them.
  function tick() {
    clearTimeout(ticking);
    if (document.hidden || !isLive()) return;
    tell($("content"));
    ticking = setTimeout(tick, 1000);
  }

  // ---- live ----

  const keyOf = node => {
    if (node.nodeType !== 1) return "";
    if (node.id) return "#" + node.id;
    if (node.localName === "tr" || node.localName === "li") {
      const link = node.querySelector("a[href]");
      if (link) return link.getAttribute("href");
    }
    return "";
  };

  // morph makes old like fresh and keeps all that need not change.
  function morph(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.dataset.keep && old.dataset.keep === fresh.dataset.keep) {
      for (const name of ["data-log", "data-grows"]) copyAttribute(old, fresh, name);
      return;
    }
    if (old.isEqualNode(fresh)) return;
    const typing = old === document.activeElement && old.matches("input, select");
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name } of [...fresh.attributes]) if (!(typing && name === "value")) copyAttribute(old, fresh, name);
    morphChildren(old, fresh);
  }

  function copyAttribute(old, fresh, name) {
    const value = fresh.getAttribute(name);
    if (value === null) old.removeAttribute(name);
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }

  function morphChildren(old, fresh) {
    const keyed = new Map(), wantedKeys = new Set([...fresh.children].map(keyOf));
    for (const child of [...old.children]) {
      const key = keyOf(child);
      if (key && wantedKeys.has(key)) keyed.set(key, child);
      else if (key) child.remove(); // first, so that the others need not be moved, which takes the focus from them
    }
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const key = keyOf(wanted);
      let found = key ? keyed.get(key) : at;
      if (!key && found && (found.nodeType !== wanted.nodeType || found.nodeName !== wanted.nodeName || keyOf(found))) found = null;
      if (key && found) keyed.delete(key);
      if (!found || found.nodeName !== wanted.nodeName) {
        const came = document.importNode(wanted, true);
        if (key && key[0] !== "#" && !moved) came.classList.add("fresh");
        old.insertBefore(came, at);
        continue;
      }
      if (key) at = clear(old, at, found);
      if (found === at) at = at.nextSibling;
      else old.insertBefore(found, at);
      morph(found, wanted);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  // clear takes away what stands between at and the node that belongs there: what
  // is moved itself loses the focus.
  function clear(parent, at, node) {
    const focused = node.contains(document.activeElement);
    while (at && at !== node && (focused || !keyOf(at))) {
      const next = at.nextSibling;
      if (keyOf(at)) parent.append(at);
      else at.remove();
      at = next;
    }
    return at;
  }

  let timer = 0, pause = every(), asked = 0, reached = Date.now();
  let shown = ""; // address and tag of what was fetched last
  let moved = false; // the job lies elsewhere now: all links are others, nothing is new

  // show makes this page the one that was fetched.
  function show(page) {
    document.title = page.title;
    const icon = document.querySelector("link[rel=icon]"), other = page.querySelector("link[rel=icon]");
    if (icon && other && icon.getAttribute("href") !== other.getAttribute("href")) icon.replaceWith(document.importNode(other));
    copyAttribute(document.body, page.body, "data-live");
    tell(page);
    morphChildren($("content"), page.getElementById("content"));
    for (const nav of document.querySelectorAll("header nav")) morph(nav, page.querySelector("header nav") || nav);
    if (log) log.again();
    else if ($("log")) log = new Log($("log"));
  }

  // refresh fetches the page, which may be another one now: a job moves on. The
  // header says that the lines of the log and the words for times are not needed.
  async function refresh() {
    clearTimeout(timer);
    const mine = ++asked, url = location.href;
    try {
      const answer = await fetch(url, { cache: "no-cache", headers: { "QM-Live": "1" } });
      const text = await answer.text();
      if (mine !== asked) return;
      setClock(answer);
      const tag = answer.headers.get("ETag"), same = tag && shown === answer.url + tag;
      if (!same) {
        const page = new DOMParser().parseFromString(text, "text/html");
        if (!page.getElementById("content")) throw new Error("not a page of qmweb");
        moved = answer.redirected;
        if (moved) history.replaceState(null, "", answer.url + location.hash);
        show(page);
        shown = answer.url + tag;
      }
      reached = Date.now();
      reachable(true);
      if (answer.ok) pause = every();
      else { // it may come back
        document.body.setAttribute("data-live", "");
        pause = Math.min(2 * pause, slowest);
      }
      tick();
    } catch {
      if (mine !== asked) return;
      pause = Math.min(2 * pause, slowest);
      reachable(false);
    }
    next();
  }

  function reachable(yes) {
    const text = yes ? "" : "qmweb does not answer: this is from " + new Date(reached).toLocaleTimeString();
    if ($("link").textContent !== text) $("link").textContent = text;
  }

  function next() {
    clearTimeout(timer);
    if (!document.hidden && isLive()) timer = setTimeout(refresh, pause);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (isLive()) refresh();
    if (log) log.wake();
  });

  // ---- filter ----

  let typed = 0;

  function filter(form) {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value && !(name === "state")) query.append(name, value);
    if (location.search.includes("state=done")) query.set("state", "done");
    const url = new URL(form.action);
    url.search = query;
    if (url.href === location.href) return;
    history.replaceState(null, "", url);
    refresh();
  }

  document.addEventListener("input", event => {
    const form = event.target.form;
    if (!form || form.id !== "filter") return;
    clearTimeout(typed);
    typed = setTimeout(filter, 250, form);
  });
  document.addEventListener("submit", event => {
    if (event.target.id !== "filter") return;
    event.preventDefault();
    clearTimeout(typed);
    filter(event.target);
  });

  // ---- log ----

  const colourOf = (r, g, b) => {
    const top = Math.max(r, g, b), bit = (v, weight) => 2 * v > top ? weight : 0;
    const c = bit(r, 1) + bit(g, 2) + bit(b, 4);
    if (top < 64) return 1;
    if (c === 7 && top < 160) return 9;
    return top > 200 ? c + 9 : c + 1;
  };

  // extended reads 38;5;N and 38;2;R;G;B: the colour, and how many codes it took.
  function extended(codes) {
    if (codes.length >= 3 && codes[1] === 5) {
      let n = codes[2];
      if (n < 16) return [n + 1, 3];
      if (n < 232) {
        n -= 16;
        return [colourOf(Math.floor(n / 36) * 51, Math.floor(n / 6) % 6 * 51, n % 6 * 51), 3];
      }
      n = 8 + 10 * (n - 232);
      return [colourOf(n, n, n), 3];
    }
    if (codes.length >= 5 && codes[1] === 2) return [colourOf(codes[2], codes[3], codes[4]), 5];
    return [0, codes.length];
  }

  const plain = () => ({ bold: false, dim: false, italic: false, under: false, inverse: false, fore: 0, back: 0 });

  // take changes the style as an escape sequence says, if it says that.
  function take(style, sequence) {
    const m = /^\x1b\[([0-9;:]*)m$/.exec(sequence);
    if (!m) return;
    const codes = m[1].split(/[;:]/).map(Number);
    if (codes.some(c => c > 255)) return;
    for (let i = 0; i < codes.length; i++) {
      const c = codes[i];
      if (c === 0) Object.assign(style, plain());
      else if (c === 1) style.bold = true;
      else if (c === 2) style.dim = true;
      else if (c === 3) style.italic = true;
      else if (c === 4) style.under = true;
      else if (c === 7) style.inverse = true;
      else if (c === 22) style.bold = style.dim = false;
      else if (c === 23) style.italic = false;
      else if (c === 24) style.under = false;
      else if (c === 27) style.inverse = false;
      else if (c >= 30 && c <= 37) style.fore = c - 29;
      else if (c === 39) style.fore = 0;
      else if (c >= 40 && c <= 47) style.back = c - 39;
      else if (c === 49) style.back = 0;
      else if (c >= 90 && c <= 97) style.fore = c - 81;
      else if (c >= 100 && c <= 107) style.back = c - 91;
      else if (c === 38 || c === 48) {
        const [colour, used] = extended(codes.slice(i));
        style[c === 38 ? "fore" : "back"] = colour;
        i += used - 1;
      }
    }
  }

  function classOf(style) {
    const words = ["bold", "dim", "italic", "under"].filter(word => style[word]);
    const fore = style.inverse ? 0 : style.fore, back = style.inverse ? style.fore : style.back;
    if (style.inverse && !back) words.push("inverse");
    if (fore) words.push("f" + (fore - 1));
    if (back) words.push("b" + (back - 1));
    return words.join(" ");
  }

  const pieces = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])?|\r|[^\r\x1b]+/g;
  const unprintable = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

  const begun = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*|[ -/]*)$/;

  // fill shows a line, as a terminal would have left it. It changes the style to
  // the one that holds at its end.
  function fill(element, text, style) {
    let spans = [], over = false;
    for (const [piece] of text.matchAll(pieces)) {
      if (piece === "\r") over = true;
      else if (piece[0] === "\x1b") take(style, piece);
      else {
        const shown = piece.replace(unprintable, "");
        if (!shown) continue;
        if (over) spans = [];
        over = false;
        spans.push([classOf(style), shown]);
      }
    }
    element.replaceChildren(...spans.map(([name, shown]) => {
      if (!name) return document.createTextNode(shown);
      const span = document.createElement("span");
      span.className = name;
      span.textContent = shown;
      return span;
    }));
  }

  // Log follows the log of the job whose page this is.
  class Log {
    static piece = 256 << 10; // the most bytes of one answer
    static tail = 64 << 10;   // where it begins
    static most = 4000;       // lines kept
    static longest = 32 << 10; // bytes of a line that is not ended yet
    static pace = 1000;       // ms between two looks

    constructor(box) {
      this.box = box;
      this.lines = $("lines");
      this.begin = 0;   // offset of the first line shown
      this.end = -1;    // offset of what comes next; -1: nothing is there yet
      this.rest = new Uint8Array(); // bytes of the last line, which is not ended
      this.last = null; // its element
      this.style = plain(); // at its begin
      this.follows = true;
      this.cut = false; // the end was left out, because earlier lines were asked for
      this.busy = false;
      this.timer = 0;
      this.top = 0;
      $("follow").addEventListener("click", () => this.follow(!this.grows || !this.follows));
      $("earlier").addEventListener("click", () => this.earlier());
      box.addEventListener("scroll", () => this.scrolled(), { passive: true });
      this.run();
    }

    get grows() { return this.box.hasAttribute("data-grows"); }
    get atEnd() { return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 8; }

    // again is called when the page was fetched anew: the job may have ended, or
    // started, or have another place.
    again() {
      if (!this.box.isConnected) log = $("log") ? new Log($("log")) : null;
      else if (this.grows !== this.wasGrowing) this.run();
    }

    wake() { if (!document.hidden && (this.grows || this.wasGrowing)) this.run(); }

    async fetch(offset, limit) {
      const answer = await fetch(this.box.dataset.log + "?offset=" + offset + "&limit=" + limit, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      return { bytes, at: +answer.headers.get("X-Log-Offset"), size: +answer.headers.get("X-Log-Size") };
    }

    // run reads what is new, and goes on as long as the job runs.
    async run() {
      clearTimeout(this.timer);
      if (this.busy || !this.box.isConnected) return;
      this.busy = true;
      this.wasGrowing = this.grows;
      let more = false;
      try {
        more = await this.read();
      } catch { /* it was moved on, or qmweb is not there: the page itself tells */ }
      this.busy = false;
      this.says();
      if (document.hidden || !this.box.isConnected) return;
      if (more) this.run();
      else if (this.grows || this.wasGrowing) this.timer = setTimeout(() => this.run(), Log.pace); // once more after its end
    }

    // read reads a piece and tells whether there is more at once.
    async read() {
      if (this.cut) return false;
      if (this.end < 0) return this.restart("");
      const { bytes, at, size } = await this.fetch(this.end, Log.piece);
      if (size < this.end) return this.restart("The log began anew.");
      if (size - this.end > 4 * Log.piece) {
        if (this.follows) return this.restart("Left out: it printed more than can be shown.");
        this.cut = true; // who reads is not disturbed
        return false;
      }
      if (at === this.end && bytes.length) this.append(bytes);
      this.size = size;
      return bytes.length === Log.piece;
    }

    // restart shows the end of the log, whatever was shown before.
    async restart(why) {
      const { bytes, at, size } = await this.fetch(-Log.tail, Log.tail);
      const first = at > 0 ? bytes.indexOf(10) + 1 : 0; // what stands before may be a part of a line
      this.lines.replaceChildren();
      this.rest = new Uint8Array();
      this.last = null;
      this.style = plain();
      this.begin = this.end = at + first;
      this.size = size;
      this.cut = false;
      if (why) this.note(why);
      this.append(bytes.subarray(first));
      return false;
    }

    note(text) {
      const line = document.createElement("div");
      line.className = "gap";
      line.textContent = text;
      line.at = this.end;
      this.lines.append(line);
    }

    // append shows the bytes behind what is shown.
    append(bytes) {
      const all = new Uint8Array(this.rest.length + bytes.length);
      all.set(this.rest);
      all.set(bytes, this.rest.length);
      let offset = this.end - this.rest.length, begin = 0;
      this.end += bytes.length;
      const added = document.createDocumentFragment();
      const decoder = new TextDecoder();
      for (let at = all.indexOf(10); at >= 0; at = all.indexOf(10, begin)) {
        const line = this.last || document.createElement("div");
        line.at = line.at ?? offset + begin;
        fill(line, decoder.decode(all.subarray(begin, at)), this.style);
        if (!this.last) added.append(line);
        this.last = null;
        begin = at + 1;
      }
      this.rest = this.shorten(all.subarray(begin));
      if (this.rest.length) {
        if (!this.last) {
          this.last = document.createElement("div");
          this.last.at = offset + begin;
          added.append(this.last);
        }
        // A character or a sequence that is not whole yet is left for the next piece.
        const text = new TextDecoder().decode(this.rest, { stream: true });
        fill(this.last, text.replace(begun, ""), { ...this.style });
      }
      const stick = this.follows;
      this.lines.append(added);
      if (stick) {
        this.trim();
        this.toEnd();
      } else if (this.lines.childElementCount > 2 * Log.most) this.cut = true; // nobody looks at the end
    }

    // shorten drops of a line that goes on and on what was written over, and of one
    // that is too long its begin.
    shorten(rest) {
      if (rest.length <= Log.longest) return rest.slice();
      const end = rest.length > 0 && rest[rest.length - 1] === 13 ? rest.length - 2 : rest.length - 1;
      const at = rest.lastIndexOf(13, end);
      if (at > 0 && rest.length - at <= Log.longest) return rest.slice(at);
      return rest.slice(rest.length - Log.longest / 2);
    }

    // trim drops the oldest lines when they are too many.
    trim() {
      const extra = this.lines.childElementCount - Log.most;
      if (extra <= 0) return;
      for (let i = 0; i < extra; i++) this.lines.firstElementChild.remove();
      this.begin = this.lines.firstElementChild.at;
    }

    // earlier shows the lines before the first one that is shown.
    async earlier() {
      if (this.busy || this.begin <= 0) return;
      this.busy = true;
      this.follow(false);
      try {
        const from = Math.max(0, this.begin - Log.piece);
        const { bytes, at } = await this.fetch(from, this.begin - from);
        let begin = at > 0 ? bytes.indexOf(10) + 1 : 0;
        const added = document.createDocumentFragment(), style = plain();
        this.begin = at + begin;
        for (let next = bytes.indexOf(10, begin); begin < bytes.length; next = bytes.indexOf(10, begin)) {
          const line = document.createElement("div"), stop = next < 0 ? bytes.length : next;
          line.at = at + begin;
          fill(line, new TextDecoder().decode(bytes.subarray(begin, stop)), style);
          added.append(line);
          begin = stop + 1;
        }
        const height = this.box.scrollHeight, top = this.box.scrollTop;
        this.lines.prepend(added);
        while (this.lines.childElementCount > Log.most) {
          this.lines.lastElementChild.remove();
          this.cut = true;
          this.last = null;
        }
        this.box.scrollTop = this.top = top + this.box.scrollHeight - height;
      } catch { /* as in run */ }
      this.busy = false;
      this.says();
      this.run();
    }

    follow(on) {
      this.follows = on;
      if (on && this.cut) this.end = -1;
      if (on) this.cut = false;
      if (on) this.toEnd();
      this.says();
      if (on) this.run();
    }

    toEnd() {
      this.box.scrollTop = this.box.scrollHeight;
      this.top = this.box.scrollTop;
    }

    // scrolled: who scrolls up wants to read, who comes back to the end to follow.
    scrolled() {
      const up = this.box.scrollTop < this.top - 1;
      this.top = this.box.scrollTop;
      if (up && this.follows && !this.atEnd) this.follow(false);
      else if (!up && !this.follows && this.atEnd && !this.cut) this.follow(true);
    }

    // says tells in the tools of the log how it is.
    says() {
      const set = (element, text) => { if (element.textContent !== text) element.textContent = text; };
      const shown = this.begin > 0 ? "the end of " : "";
      if (this.size >= 0) set($("logsays"), shown + bytesText(this.size) + (this.grows ? "" : ", complete"));
      $("earlier").hidden = !(this.begin > 0);
      $("follow").hidden = !this.grows && this.box.scrollHeight <= this.box.clientHeight && !this.cut;
      if (this.grows) $("follow").setAttribute("aria-pressed", this.follows);
      else $("follow").removeAttribute("aria-pressed");
      set($("follow"), this.grows ? "Follow" : "To the end");
    }
  }

  // bytesText writes a size as the server does.
  function bytesText(n) {
    let unit = 0;
    for (; n >= 1024 && unit < 4; unit++) n /= 1024;
    return (unit && n < 10 ? n.toFixed(1) : Math.round(n)) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][unit];
  }

  let log = $("log") ? new Log($("log")) : null;
  next();
})();
