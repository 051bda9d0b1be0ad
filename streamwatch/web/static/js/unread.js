// Keys for the page on which plates are typed in. Enter needs no script: the form has one field.
"use strict";

(() => {
  const form = document.getElementById("typing");
  if (!form) return;
  const field = document.getElementById("text");
  const whole = document.getElementById("whole");
  const skip = document.getElementById("skip");
  const back = document.getElementById("back");
  const hints = [...form.querySelectorAll(".hint-plate")];
  document.getElementById("keys").hidden = false;
  field.focus();
  field.select();

  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // A page that the browser kept and shows again may be sent again.
  window.addEventListener("pageshow", () => { sent = false; field.focus(); });

  const take = (plate) => { field.value = plate; field.focus(); };
  for (const hint of hints) {
    hint.disabled = false;
    hint.addEventListener("click", () => take(hint.dataset.plate));
  }

  const enlarge = (x, y) => {
    const near = whole.classList.toggle("near");
    const picture = whole.firstElementChild;
    if (near) picture.style.transformOrigin = `${x * 100}% ${y * 100}%`;
  };
  whole.addEventListener("click", (event) => {
    event.preventDefault();
    const box = whole.getBoundingClientRect();
    enlarge((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    field.focus();
  });

  const otherView = (step) => {
    const views = [...document.querySelectorAll(".other-view")];
    const now = views.findIndex((view) => view.hasAttribute("aria-current"));
    if (views.length > 1) location.replace(views[(now + step + views.length) % views.length].href);
  };

  const keys = {
    Escape: () => { location.href = skip.href; },
    ArrowDown: () => { location.href = skip.href; },
    ArrowUp: () => { if (back.hidden) history.back(); else location.href = back.href; },
    PageDown: () => otherView(1),
    PageUp: () => otherView(-1),
    "+": () => enlarge(0.5, 0.6),
  };
  const whenEmpty = {
    ArrowRight: () => { if (hints.length) take(hints[0].dataset.plate); },
    "-": () => form.querySelector("[value=none]").click(),
  };
  document.addEventListener("keydown", (event) => {
    // While an input method composes a character, its keys are not ours.
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key] || (field.value === "" && document.activeElement === field && whenEmpty[event.key]);
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
