// The pages of the lanes: decisions appear by themselves, a question rings, and an answer is told in its place.
"use strict";

(() => {
  const ASK = [880, 660, 880, 660]; // Hz, of the tones that tell of a question
  const RING_EVERY = 8000; // ms between two calls for the same question
  const AIM = 700; // ms in which a new question takes no answer: the press was meant for what stood there before
  const PAST = 60000; // ms after which a vehicle is no longer the one before the camera
  const lanes = document.getElementById("lanes");
  const title = document.title;
  const skew = lanes ? Date.now() - Date.parse(lanes.dataset.now) : 0;

  const elementOf = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  // ---- how long ago

  const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "short" });
  const ago = (milliseconds) => {
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    const [size, unit] = units.find(([length]) => seconds >= length) || units[3];
    return words.format(-Math.floor(seconds / size), unit);
  };

  const tellAges = () => {
    const now = Date.now() - skew;
    for (const time of document.querySelectorAll("[data-ago]")) {
      time.title ||= time.textContent;
      const age = now - Date.parse(time.dateTime);
      const text = ago(age);
      if (time.textContent !== text) time.textContent = text;
      time.closest(".decision").classList.toggle("past", age > PAST);
    }
  };

  // ---- questions

  const asking = () => [...document.querySelectorAll(".lane[data-waits]")];
  let announced = new Set(asking().map((lane) => lane.dataset.waits));
  let rungAt = 0;
  let flash = false;

  const call = () => {
    const open = asking();
    for (const lane of open) {
      if (announced.has(lane.dataset.waits)) continue;
      announced.add(lane.dataset.waits);
      spoken.textContent = `${lanes.dataset.asks}: ${lane.dataset.lane} ${lane.querySelector(".plate").textContent.trim()}`;
      rungAt = 0;
    }
    if (open.length && performance.now() - rungAt > RING_EVERY) {
      rungAt = performance.now();
      play(ASK);
    }
    flash = open.length > 0 && !flash;
    document.title = flash ? `● ${lanes.dataset.asks} · ${open[0].dataset.lane}` : title;
  };

  // ---- what changes

  // Put a lane in the place of the old one; whoever was on a control of it stays there if that still is the same.
  const place = (lane) => {
    const old = [...document.querySelectorAll(".lane")].find((other) => other.dataset.lane === lane.dataset.lane);
    if (!old) return;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const same = old.dataset.decision === lane.dataset.decision;
    old.replaceWith(lane);
    if (focused && same) {
      const again = [...lane.querySelectorAll("a, button")].find((other) => other.textContent === focused.textContent);
      if (again) again.focus({ preventScroll: true });
    }
    if (!same) {
      lane.classList.add("arrived");
      lane.dataset.takes = String(performance.now() + AIM);
      setTimeout(() => lane.classList.remove("arrived"), AIM);
    }
    tellAges();
    call();
  };

  // ---- answers

  const tell = (form, text, tone) => {
    const place = document.getElementById(form.dataset.told);
    place.textContent = text;
    place.className = `told ${tone}`;
  };

  const send = async (form, button) => {
    const fields = new URLSearchParams(new FormData(form, button));
    const buttons = [...form.querySelectorAll("button")];
    for (const one of buttons) one.disabled = true;
    tell(form, "…", "");
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: fields, headers: { Accept: "application/json" }, redirect: "manual",
      });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        location.reload();
        return;
      }
      const told = await answer.json();
      tell(form, told.text, told.tone);
      if (told.tone === "good" && "clear" in form.dataset) form.reset();
    } catch {
      tell(form, lanes.dataset.failed, "bad"); // whether it arrived is not known
    }
    for (const one of buttons) one.disabled = false;
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.told) return;
    event.preventDefault();
    const lane = form.closest(".lane");
    if (lane && Number(lane.dataset.takes || 0) > performance.now()) return;
    send(form, event.submitter);
  });

  if (!lanes) return;
  const spoken = document.getElementById("spoken");
  const play = booth.sound(ASK);
  booth.screen();
  booth.follow(lanes.dataset.events, lanes.dataset.after, lanes.dataset.version, {
    lane: (event) => place(elementOf(event.data)),
    stop: (event) => document.getElementById("kill-switch").replaceWith(elementOf(event.data)),
  });
  const tick = () => { tellAges(); call(); };
  tick();
  setInterval(tick, 1000);
})();
