// The page of the gate: new passages appear by themselves, with a sound and in full screen if that is wanted.
"use strict";

(() => {
  const MOST_ROWS = 60;
  const AGAIN_AFTER = 2000; // ms until a stream that was refused is tried again
  const WORRY_AFTER = 3000; // ms without a stream until the page says so
  const TILES_EVERY = 2000; // ms between two pictures of a camera
  const list = document.getElementById("passages");
  const state = document.getElementById("link-state");
  const spoken = document.getElementById("spoken");
  const tiles = document.getElementById("tiles");
  let after = list.dataset.after;
  let stream = null;
  let lostSince = null;

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

  // ---- the stream

  let worry = null;

  const live = () => {
    clearTimeout(worry);
    worry = lostSince = null;
    state.className = "link-state live";
    state.textContent = state.dataset.live;
  };

  // A stream ends now and then and is there again at once; only what lasts is told.
  const lost = () => {
    if (worry || lostSince) return;
    const since = new Date();
    worry = setTimeout(() => tellLost(since), WORRY_AFTER);
  };

  const tellLost = (since) => {
    lostSince = since;
    state.className = "link-state lost";
    state.textContent = state.dataset.lost.replace("{time}", lostSince.toLocaleTimeString(document.documentElement.lang));
  };

  const connect = () => {
    stream = new EventSource(`${list.dataset.events}?after=${encodeURIComponent(after)}`);
    stream.addEventListener("open", live);
    stream.addEventListener("version", (event) => {
      if (event.data !== list.dataset.version) location.reload(); // streamwatch was updated
    });
    stream.addEventListener("lost", () => location.reload());
    stream.addEventListener("passage", (event) => {
      after = event.lastEventId;
      const row = rowOf(event.data);
      place(row);
      announce(row);
    });
    stream.addEventListener("error", () => {
      lost();
      if (stream.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
      setTimeout(again, AGAIN_AFTER);
    });
  };

  // A refused stream: the log-in may have ended, which only a new page can tell.
  const again = async () => {
    try {
      const answer = await fetch(location.pathname, { method: "HEAD", redirect: "manual" });
      if (answer.status === 401 || answer.status === 403 || answer.type === "opaqueredirect") {
        location.reload();
        return;
      }
    } catch {
      // The server is not there; it will be.
    }
    connect();
  };

  // Tell of a vehicle once, as soon as its plate is known or it is known that there is none.
  const announced = new Set([...list.children].map((row) => row.id));
  const announce = (row) => {
    const plate = row.querySelector(".plate");
    const waits = row.classList.contains("pending") && plate.classList.contains("none");
    if (waits || announced.has(row.id) || !row.isConnected) return;
    announced.add(row.id);
    spoken.textContent = `${plate.textContent.trim()} ${row.querySelector(".where").textContent.trim()}`;
    if (sounding) play(!plate.classList.contains("none"));
  };

  // ---- the sound

  const soundButton = document.getElementById("sound");
  let sounding = false;
  let audio = null;
  let playedAt = 0;

  const play = (read) => {
    if (!audio || audio.state !== "running" || performance.now() - playedAt < 400) return;
    playedAt = performance.now();
    const tones = read ? [880, 1175] : [440, 330];
    tones.forEach((pitch, number) => {
      const start = audio.currentTime + number * 0.13;
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, start);
      volume.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.16);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.17);
    });
  };

  const setSound = (on) => {
    sounding = on;
    soundButton.setAttribute("aria-pressed", String(on));
    if (on && !audio) audio = new AudioContext();
    if (on) audio.resume();
  };

  const remembered = (name) => {
    try { return localStorage.getItem(name) === "on"; } catch { return false; }
  };
  const remember = (name, on) => {
    try { localStorage.setItem(name, on ? "on" : "off"); } catch { /* a private window forgets it */ }
  };

  if ("AudioContext" in window) {
    soundButton.hidden = false;
    soundButton.addEventListener("click", () => {
      setSound(!sounding);
      remember("sound", sounding);
      if (sounding) audio.resume().then(() => play(true));
    });
    if (remembered("sound")) {
      soundButton.setAttribute("aria-pressed", "true");
      const wake = () => { if (remembered("sound")) setSound(true); }; // browsers want a click or a key first
      addEventListener("pointerdown", wake, { once: true });
      addEventListener("keydown", wake, { once: true });
    }
  }

  // ---- full screen

  const boothButton = document.getElementById("booth");
  let awake = null;

  const setBooth = async (on) => {
    document.documentElement.classList.toggle("booth", on);
    boothButton.setAttribute("aria-pressed", String(on));
    try {
      if (on && navigator.wakeLock) awake = await navigator.wakeLock.request("screen");
      if (!on && awake) await awake.release();
    } catch { /* the screen may go dark */ }
  };

  boothButton.hidden = false;
  boothButton.addEventListener("click", async () => {
    const on = !document.documentElement.classList.contains("booth");
    await setBooth(on);
    try {
      if (on) await document.documentElement.requestFullscreen();
      else if (document.fullscreenElement) await document.exitFullscreen();
    } catch { /* large without full screen */ }
  });
  document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) setBooth(false); });

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
    if (document.visibilityState === "visible" && !lostSince) {
      try { await refreshTiles(); } catch { /* the stream tells that the link is lost */ }
    }
    setTimeout(tick, TILES_EVERY);
  };

  setTimeout(tick, TILES_EVERY);
  connect();
})();
