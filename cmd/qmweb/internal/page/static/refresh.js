// Keeps the parts of the page that are marked data-live as the server has them,
// while the tab is visible. Without this script the page reloads by itself.
"use strict";
(function () {
  const every = 2000; // ms
  let timer = 0;

  // tails: logs that stand at their end stay there.
  function toEnd(root) {
    for (const pre of root.querySelectorAll("[data-tail]")) pre.scrollTop = pre.scrollHeight;
  }

  function replace(old, fresh) {
    if (old.innerHTML === fresh.innerHTML) return;
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && old.contains(selection.anchorNode)) return; // someone is copying
    const tail = old.querySelector("[data-tail]");
    const top = tail ? tail.scrollTop : 0;
    const atEnd = !tail || tail.scrollHeight - tail.scrollTop - tail.clientHeight < 24;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const link = focused && focused.getAttribute("href");
    const wasTail = focused && focused.hasAttribute("data-tail");
    old.innerHTML = fresh.innerHTML;
    if (atEnd) toEnd(old);
    else if (old.querySelector("[data-tail]")) old.querySelector("[data-tail]").scrollTop = top;
    if (link) for (const a of old.querySelectorAll("a")) if (a.getAttribute("href") === link) { a.focus({ preventScroll: true }); break; }
    if (wasTail && old.querySelector("[data-tail]")) old.querySelector("[data-tail]").focus({ preventScroll: true });
  }

  function apply(page) {
    const live = [...document.querySelectorAll("[data-live]")];
    const fresh = [...page.querySelectorAll("[data-live]")];
    // A part came or went: the rest of the page is another one, too.
    if (live.map(e => e.id).join() !== fresh.map(e => e.id).join()) { location.reload(); return; }
    live.forEach((e, i) => replace(e, fresh[i]));
    document.title = page.title;
  }

  async function refresh() {
    try {
      const answer = await fetch(location.href, { redirect: "follow", cache: "no-store" });
      if (answer.redirected) { location.replace(answer.url); return; }
      if (answer.ok) apply(new DOMParser().parseFromString(await answer.text(), "text/html"));
      document.documentElement.classList.toggle("offline", !answer.ok);
    } catch {
      document.documentElement.classList.add("offline");
    }
    next();
  }

  function next() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, every);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) { clearTimeout(timer); refresh(); } });
  toEnd(document);
  next();
})();
