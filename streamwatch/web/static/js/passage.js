// One passage: the arrow keys go to the next and the previous one.
"use strict";

addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const link = { ArrowLeft: "older", ArrowRight: "newer" }[event.key];
  const there = link && document.getElementById(link);
  if (there) there.click();
});
