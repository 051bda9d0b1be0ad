// The present picture of one camera, and what its gate sees in it, for as long as the page is looked at.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const picture = stage.querySelector("img");
const overlay = byId("gate-overlay");
const shown = byId("gate-shown");
let events = null;
let next = null;
let loading = false;
let heardAt = Date.now();
const STALE = 20000; // ms without a look; while nothing happens there is one about every two seconds

const put = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

function element(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function drawn(one, [width]) {
  const group = element("g", { class: `seen ${one.tone}` });
  const [x, y, w, h] = one.box;
  group.append(element("rect", { x, y, width: w, height: h }));
  if (one.plate) group.append(element("polygon", { points: one.plate.map((point) => point.join(",")).join(" ") }));
  const size = width / 46;
  const label = one.width === null ? `${one.number}` : `${one.number} · ${one.width} px`;
  const text = element("text", { transform: `translate(${x + size * 0.3} ${Math.max(y - size * 0.4, size)}) scale(${size})` });
  text.textContent = `${label} · ${one.label}`;
  group.append(text);
  return group;
}

function listed(one) {
  const texts = byId("gate-objects").dataset;
  const item = document.createElement("li");
  const dot = document.createElement("span");
  dot.className = `dot ${one.tone}`;
  const name = put(texts.vehicle, { number: one.number });
  const plate = one.width === null ? "" : `, ${put(texts.plate, { width: one.width })}`;
  const words = document.createElement("span");
  words.textContent = `${name}${plate}: ${one.sentence}`;
  if (one.advice) {
    const advice = document.createElement("span");
    advice.className = "muted";
    advice.textContent = ` ${one.advice}`;
    words.append(advice);
  }
  item.append(dot, words);
  return item;
}

function tell(look) {
  stage.dataset.width = look.size[0];
  stage.dataset.height = look.size[1];
  byId("live-clock").textContent = look.clock;
  byId("live-clock").dateTime = look.at;
  overlay.setAttribute("viewBox", `0 0 ${look.size[0]} ${look.size[1]}`);
  overlay.replaceChildren(...look.objects.map((one) => drawn(one, look.size)));
  const told = look.objects.some((one) => one.sentence === look.sentence);
  byId("gate-sentence").textContent = told ? "" : look.sentence;
  byId("gate-change").textContent = look.change && put(byId("gate-objects").dataset.change, { change: look.change });
  byId("gate-objects").replaceChildren(...look.objects.map(listed));
}

// The overlay belongs to its picture: it is drawn when the picture is there. A slow link leaves pictures out.
function load() {
  if (loading || next === null) return;
  const look = next;
  next = null;
  loading = true;
  const done = (loaded) => {
    loading = false;
    if (loaded) {
      picture.hidden = false;
      byId("no-picture")?.remove();
      tell(look);
    }
    load();
  };
  picture.onload = () => done(true);
  picture.onerror = () => done(false);
  picture.width = look.size[0];
  picture.height = look.size[1];
  picture.src = `${stage.dataset.picture}&at=${encodeURIComponent(look.at)}`;
}

function listen() {
  const wanted = !document.hidden;
  if (wanted && events === null) {
    events = new EventSource(stage.dataset.live);
    heardAt = Date.now();
    events.addEventListener("look", (event) => {
      heardAt = Date.now();
      next = JSON.parse(event.data);
      load();
    });
  } else if (!wanted && events !== null) {
    events.close();
    events = null;
  }
}

function show() {
  overlay.toggleAttribute("hidden", !shown.checked);
  byId("gate-told").hidden = !shown.checked;
}

setInterval(() => {
  byId("live-stale").hidden = picture.hidden || Date.now() - heardAt < STALE;
}, 1000);
byId("gate-switch").hidden = false;
shown.addEventListener("change", show);
document.addEventListener("visibilitychange", listen);
addEventListener("pagehide", () => events?.close());
show();
listen();
