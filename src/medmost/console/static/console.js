// Says so when the numbers on the page are no longer fresh: three refreshes in a row without an answer.
"use strict";
(() => {
  const limit = 6500;
  const notice = document.getElementById("stale");
  let last = Date.now();
  document.body.addEventListener("htmx:sseMessage", () => { last = Date.now(); });
  setInterval(() => {
    const stale = Date.now() - last > limit;
    notice.hidden = !stale;
    document.body.classList.toggle("is-stale", stale);
  }, 500);
})();
