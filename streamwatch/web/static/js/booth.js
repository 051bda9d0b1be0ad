// What the pages that a booth leaves open share: the stream of changes, the sound, and full screen.
"use strict";

const booth = (() => {
  const AGAIN_AFTER = 2000; // ms until a stream that was refused is tried again
  const WORRY_AFTER = 3000; // ms without a stream until the page says so

  // Follow a stream. on: a function for each kind of event, which gets the event. Returns { isLost() }.
  const follow = (address, after, version, on) => {
    const state = document.getElementById("link-state");
    let stream = null;
    let worry = null;
    let lostSince = null;

    const live = () => {
      clearTimeout(worry);
      worry = lostSince = null;
      state.className = "link-state live";
      state.textContent = state.dataset.live;
    };

    const tellLost = (since) => {
      lostSince = since;
      state.className = "link-state lost";
      state.textContent = state.dataset.lost.replace("{time}", since.toLocaleTimeString(document.documentElement.lang));
    };

    // A stream ends now and then and is there again at once; only what lasts is told.
    const lost = () => {
      if (worry || lostSince) return;
      const since = new Date();
      worry = setTimeout(() => tellLost(since), WORRY_AFTER);
    };

    const connect = () => {
      const place = new URL(address, location.href);
      place.searchParams.set("after", after);
      stream = new EventSource(place);
      stream.addEventListener("open", live);
      stream.addEventListener("version", (event) => {
        if (event.data !== version) location.reload(); // streamwatch was updated
      });
      stream.addEventListener("lost", () => location.reload());
      for (const [kind, act] of Object.entries(on)) {
        stream.addEventListener(kind, (event) => {
          after = event.lastEventId;
          act(event);
        });
      }
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

    connect();
    return { isLost: () => lostSince !== null };
  };

  const remembered = (name) => {
    try { return localStorage.getItem(name) === "on"; } catch { return false; }
  };
  const remember = (name, on) => {
    try { localStorage.setItem(name, on ? "on" : "off"); } catch { /* a private window forgets it */ }
  };

  // Make the button of the sound work. Returns play(pitches), which plays one tone after the other if it is on.
  const sound = (sample) => {
    const button = document.getElementById("sound");
    let sounding = false;
    let audio = null;
    let playedAt = -1000;

    const play = (pitches) => {
      if (!sounding || !audio || audio.state !== "running" || performance.now() - playedAt < 400) return;
      playedAt = performance.now();
      pitches.forEach((pitch, number) => {
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

    // The button says so while the sound is wanted and the browser does not let it be heard.
    const tell = () => {
      const silent = sounding && (!audio || audio.state !== "running");
      if (button.dataset.press) button.textContent = silent ? button.dataset.press : button.dataset.name;
      button.classList.toggle("silent", silent);
    };

    const set = (on) => {
      sounding = on;
      button.setAttribute("aria-pressed", String(on));
      if (on && !audio) {
        audio = new AudioContext();
        audio.addEventListener("statechange", tell);
      }
      if (on) audio.resume();
      tell();
    };

    if ("AudioContext" in window) {
      button.hidden = false;
      button.addEventListener("click", () => {
        if (sounding && button.classList.contains("silent")) {
          set(true); // this press wakes it
        } else {
          set(!sounding);
          remember("sound", sounding);
        }
        if (sounding) audio.resume().then(() => play(sample));
      });
      if (remembered("sound")) {
        set(true);
        const wake = () => { if (remembered("sound")) set(true); }; // browsers want a click or a key first
        addEventListener("pointerdown", wake, { once: true });
        addEventListener("keydown", wake, { once: true });
      }
    }
    return play;
  };

  // Make the button for full screen work.
  const screen = () => {
    const button = document.getElementById("booth");
    let awake = null;

    const set = async (on) => {
      document.documentElement.classList.toggle("booth", on);
      button.setAttribute("aria-pressed", String(on));
      try {
        if (on && navigator.wakeLock) awake = await navigator.wakeLock.request("screen");
        if (!on && awake) await awake.release();
      } catch { /* the screen may go dark */ }
    };

    button.hidden = false;
    button.addEventListener("click", async () => {
      const on = !document.documentElement.classList.contains("booth");
      await set(on);
      try {
        if (on) await document.documentElement.requestFullscreen();
        else if (document.fullscreenElement) await document.exitFullscreen();
      } catch { /* large without full screen */ }
    });
    document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) set(false); });
  };

  return { follow, sound, screen };
})();
