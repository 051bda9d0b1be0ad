// The page of the gate: new passages appear by themselves, with a sound and in full screen if that is wanted.
"use strict";

(() => {
  const MOST_ROWS = 60;
  const READ = [880, 1175]; // Hz, of the tones that tell of a plate
  const TILES_EVERY = 2000; // ms between two pictures of a camera
  const list = document.getElementById("passages");
  const spoken = document.getElementById("spoken");
  const tiles = document.getElementById("tiles");

  // ---- the list

  const rowOf = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  const isBefore = (a, b) => a.dataset.at > b.dataset.at
    || (a.dataset.at === b.dataset.at && Number(a.dataset.id) > Number(b.dataset.id));

  // Put a row in its place.
  const place = (row) => {
    const old = document.getElementById(row.id);
    if (old) {
      if (old.outerHTML === row.outerHTML) return;
      const focused = old.contains(document.activeElement);
      old.replaceWith(row);
      if (focused) row.querySelector("a").focus({ preventScroll: true });
      return;
    }
    const next = [...list.children].find((other) => isBefore(row, other));
    if (!next && list.children.length >= MOST_ROWS) return;
    row.classList.add("arrived");
    list.insertBefore(row, next || null);
    while (list.children.length > MOST_ROWS) {
      announced.delete(list.lastElementChild.id);
      list.lastElementChild.remove();
    }
    document.getElementById("nothing-yet").hidden = true;
  };

  // Tell of a vehicle once, as soon as its plate is known or it is known that there is none.
  const announced = new Set([...list.children].map((row) => row.id));
  const announce = (row) => {
    const plate = row.querySelector(".plate");
    const waits = row.classList.contains("pending") && plate.classList.contains("none");
    if (waits || announced.has(row.id) || !row.isConnected) return;
    announced.add(row.id);
    spoken.textContent = `${plate.textContent.trim()} ${row.querySelector(".where").textContent.trim()}`;
    play(plate.classList.contains("none") ? [440, 330] : READ);
  };

  // ---- the cameras

  // Take over words and badges, but keep each picture until the next one is there.
  const refreshTiles = async () => {
    const answer = await fetch(tiles.dataset.src, { redirect: "manual" });
    if (!answer.ok) return;
    const template = document.createElement("template");
    template.innerHTML = await answer.text();
    const fresh = [...template.content.querySelectorAll(".tile")];
    if (fresh.length !== tiles.children.length) {
      tiles.replaceChildren(...fresh);
      return;
    }
    fresh.forEach((tile, number) => {
      const old = tiles.children[number];
      const [oldImage, image] = [old.querySelector("img"), tile.querySelector("img")];
      if (oldImage && image) {
        const source = `${image.getAttribute("src")}?t=${Date.now()}`;
        image.replaceWith(oldImage);
        oldImage.src = source;
      }
      const focused = old.contains(document.activeElement);
      old.replaceWith(tile);
      if (focused) tile.querySelector("a").focus({ preventScroll: true });
    });
  };

  const tick = async () => {
    if (document.visibilityState === "visible" && !link.isLost()) {
      try { await refreshTiles(); } catch { /* the stream tells that the link is lost */ }
    }
    setTimeout(tick, TILES_EVERY);
  };

  setTimeout(tick, TILES_EVERY);
  const play = booth.sound(READ);
  booth.screen();
  const link = booth.follow(list.dataset.events, list.dataset.after, list.dataset.version, {
    passage: (event) => {
      const row = rowOf(event.data);
      place(row);
      announce(row);
    },
  });
})();
