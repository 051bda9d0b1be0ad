// The page of health asks how everything is every few seconds.
"use strict";

(() => {
  const EVERY = 5000; // ms
  const state = document.getElementById("state");
  const spoken = document.getElementById("spoken");
  const summary = () => state.querySelector(".note, .empty-title")?.textContent.trim() || "";
  let shown = null;

  const refresh = async () => {
    if (document.hidden || state.contains(document.activeElement)) return;
    try {
      const answer = await fetch(state.dataset.src, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      if (html !== shown) {
        const before = summary();
        state.innerHTML = html;
        shown = html;
        if (summary() !== before) spoken.textContent = summary();
      }
    } catch {
      if (!document.getElementById("lost")) {
        const note = document.createElement("p");
        note.id = "lost";
        note.className = "note bad";
        note.textContent = spoken.textContent = state.dataset.lost;
        state.prepend(note);
        shown = null;
      }
    }
  };

  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
})();
