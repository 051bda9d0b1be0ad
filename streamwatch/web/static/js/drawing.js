// The zone and the ruler, drawn on the present picture with pointer and keyboard. Places are fractions of the picture.
const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const layer = byId("handles");
const put = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
const within = (value) => Math.min(1, Math.max(0, value));
const percent = (value) => String(Number((100 * value).toFixed(2)));
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function placeOf(event) {
  const box = layer.getBoundingClientRect();
  return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
}

// Handles are buttons, so that the keyboard reaches them; a tool says what it does with their moves.
function handle(tool, index, point, label, kind = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `handle ${kind}`;
  made.dataset.index = index;
  made.style.left = `${100 * point[0]}%`;
  made.style.top = `${100 * point[1]}%`;
  made.setAttribute("aria-label", put(label, { number: index + 1, x: percent(point[0]), y: percent(point[1]) }));
  return made;
}

let tool = null;
function focusHandle(index) {
  layer.querySelectorAll(".handle")[index]?.focus();
}

layer.addEventListener("pointerdown", (event) => {
  if (!tool || event.button !== 0) return;
  event.preventDefault();
  const held = event.target.closest(".handle");
  const index = held ? Number(held.dataset.index) : tool.begin(placeOf(event));
  if (index === null) return;
  focusHandle(index);
  layer.setPointerCapture(event.pointerId);
  tool.hold();
  const move = (moved) => tool.move(index, placeOf(moved));
  const end = () => {
    layer.removeEventListener("pointermove", move);
    tool?.release();
    focusHandle(index);
  };
  layer.addEventListener("pointermove", move);
  layer.addEventListener("lostpointercapture", end, { once: true });
});

layer.addEventListener("keydown", (event) => {
  const held = event.target.closest(".handle");
  if (!tool || !held) return;
  const index = Number(held.dataset.index);
  const arrow = ARROWS[event.key];
  if (arrow) {
    const step = event.shiftKey ? 0.001 : 0.01;
    tool.hold();
    tool.move(index, tool.points[index].map((value, axis) => within(value + step * arrow[axis])));
    tool.release();
    focusHandle(index);
  } else if (!tool.key(event.key, index)) return;
  event.preventDefault();
});

// ---- the zone --------------------------------------------------------------------------------------------------

const side = (a, b, p) => Math.sign((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]));
const between = (a, b, p) => [0, 1].every((i) => Math.min(a[i], b[i]) <= p[i] && p[i] <= Math.max(a[i], b[i]));

function meet(a, b, c, d) {
  const sides = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (sides[0] !== sides[1] && sides[2] !== sides[3]) return true;
  return [[a, b, c], [a, b, d], [c, d, a], [c, d, b]].some((end, i) => sides[i] === 0 && between(...end));
}

function crosses(points) {
  const edges = points.map((point, i) => [point, points[(i + 1) % points.length]]);
  return edges.some((edge, i) =>
    edges.some((other, j) => j > i + 1 && !(i === 0 && j === edges.length - 1) && meet(...edge, ...other)));
}

function parsed(text) {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim());
  const points = lines.map((line) => line.replaceAll("%", " ").trim().split(/\s*[,;\s]\s*/).map(Number));
  const good = points.every((point) => point.length === 2 && point.every((v) => v >= 0 && v <= 100));
  return good ? points.map((point) => point.map((value) => value / 100)) : null;
}

function zoneTool(form) {
  const field = byId("zone-points");
  const words = form.dataset;
  const saved = field.defaultValue;
  const history = [];
  let before = "";
  const text = () => zone.points.map((point) => point.map(percent).join(", ")).join("\n");

  const zone = {
    points: parsed(saved) ?? [],
    // A new point goes where it lengthens the line least, so that a click near an edge bends that edge.
    begin(point) {
      const points = zone.points;
      let at = points.length;
      if (points.length > 2) {
        const longer = points.map((a, i) => {
          const b = points[(i + 1) % points.length];
          return Math.hypot(a[0] - point[0], a[1] - point[1]) + Math.hypot(b[0] - point[0], b[1] - point[1])
            - Math.hypot(a[0] - b[0], a[1] - b[1]);
        });
        at = longer.indexOf(Math.min(...longer)) + 1;
      }
      zone.change(() => points.splice(at, 0, point));
      return at;
    },
    hold() { before = text(); },
    move(index, point) { zone.points[index] = point; zone.draw(); },
    release() { if (text() !== before) { history.push(before); zone.draw(); } },
    change(how) {
      const was = text();
      how();
      if (text() !== was) history.push(was);
      zone.draw();
    },
    key(key, index) {
      if (key === "Delete" || key === "Backspace") {
        zone.change(() => zone.points.splice(index, 1));
        focusHandle(Math.min(index, zone.points.length - 1));
      } else if (key === "Insert" || key === "+") zone.after(index);
      else return false;
      return true;
    },
    after(index) {
      const [a, b] = [zone.points[index], zone.points[(index + 1) % zone.points.length]];
      zone.change(() => zone.points.splice(index + 1, 0, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]));
      focusHandle(index + 1);
    },
    add() {
      const points = zone.points;
      if (points.length < 3) {
        const start = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]];
        const free = start.find((place) => !points.some((point) => point[0] === place[0] && point[1] === place[1]));
        zone.change(() => points.push([...free]));
        focusHandle(points.length - 1);
        return;
      }
      const lengths = points.map((a, i) => {
        const b = points[(i + 1) % points.length];
        return Math.hypot(a[0] - b[0], a[1] - b[1]);
      });
      zone.after(lengths.indexOf(Math.max(...lengths)));
    },
    undo() {
      if (history.length) zone.points = parsed(history.pop()) ?? [];
      zone.draw();
    },
    problem() {
      if (zone.points.length > 0 && zone.points.length < 3) return words.few;
      return zone.points.length > 3 && crosses(zone.points) ? words.crossing : "";
    },
    draw(keepText = false) {
      const line = zone.points.map((point) => point.map((value) => (1000 * value).toFixed(1)).join(",")).join(" ");
      const problem = zone.problem();
      byId("zone-line").setAttribute("points", line);
      byId("zone-line").classList.toggle("wrong", problem === words.crossing && problem !== "");
      byId("outside").setAttribute("d", zone.points.length > 2 ? `M0 0H1000V1000H0Z M${line}Z` : "");
      if (problem || history.length) byId("zone-error").textContent = problem;
      byId("zone-save").disabled = problem !== "";
      byId("zone-undo").disabled = history.length === 0;
      if (!keepText) field.value = text();
      if (tool === zone) show(zone.points, words.point);
    },
  };
  field.addEventListener("input", () => {
    const points = parsed(field.value);
    if (points === null) return;
    history.push(text());
    zone.points = points;
    zone.draw(true);
  });
  byId("zone-add").addEventListener("click", () => zone.add());
  byId("zone-undo").addEventListener("click", () => zone.undo());
  byId("zone-clear").addEventListener("click", () => zone.change(() => { zone.points = []; }));
  byId("zone-reset").addEventListener("click", () => zone.change(() => { zone.points = parsed(saved) ?? []; }));
  addEventListener("keydown", (event) => {
    const typing = event.target === field;
    if (tool === zone && !typing && event.key === "z" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      zone.undo();
    }
  });
  return zone;
}

// Handles are moved and not made anew, so that the focus and a running drag stay.
function show(points, label, kind) {
  const there = layer.querySelectorAll(".handle");
  points.forEach((point, index) => {
    const made = handle(tool, index, point, label, kind);
    if (index >= there.length) layer.append(made);
    else {
      there[index].style.left = made.style.left;
      there[index].style.top = made.style.top;
      there[index].setAttribute("aria-label", made.getAttribute("aria-label"));
    }
  });
  [...there].slice(points.length).forEach((left) => left.remove());
}

// ---- the ruler -------------------------------------------------------------------------------------------------

function rulerTool(panel) {
  const line = byId("ruler-line");
  const ruler = {
    points: [[0.45, 0.5], [0.55, 0.5]],
    begin(point) {
      ruler.points = [point, [...point]];
      ruler.draw();
      return 1;
    },
    hold() {},
    release() {},
    key() { return false; },
    move(index, point) { ruler.points[index] = point; ruler.draw(); },
    draw() {
      const [a, b] = ruler.points;
      [["x1", a[0]], ["y1", a[1]], ["x2", b[0]], ["y2", b[1]]].forEach(([name, value]) => line.setAttribute(name, 1000 * value));
      const width = Math.hypot((a[0] - b[0]) * stage.dataset.width, (a[1] - b[1]) * stage.dataset.height);
      byId("ruler-result").textContent = `${Math.round(width)} px`;
      let found = false;
      for (const item of byId("plate-sizes").children) {
        const fits = !found && (item.dataset.below === "" || width < Number(item.dataset.below));
        item.classList.toggle("fits", fits);
        found ||= fits;
      }
      if (tool === ruler) show(ruler.points, panel.dataset.point, "end");
    },
  };
  return ruler;
}

// ---- which tool is in use --------------------------------------------------------------------------------------

function use(panel, made) {
  panel.hidden = false;
  const change = () => {
    if (panel.open) {
      layer.replaceChildren();
      tool = made;
      made.draw();
    } else if (tool === made) {
      tool = null;
      layer.replaceChildren();
    }
    layer.classList.toggle("drawing", tool !== null);
    stage.classList.toggle("measuring", tool !== null && tool !== zone);
    byId("ruler-line").setAttribute("visibility", tool !== null && tool !== zone ? "visible" : "hidden");
  };
  panel.addEventListener("toggle", change);
  change();
}

for (const hidden of document.querySelectorAll(".with-script")) hidden.hidden = false;
const form = byId("zone-form");
const zone = form && zoneTool(form);
if (zone) use(byId("zone-tool"), zone);
use(byId("ruler-tool"), rulerTool(byId("ruler-tool")));
