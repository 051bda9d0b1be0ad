// Draws a zone: each click on the map sets a corner; the text can be edited as well, and the map follows it.
(() => {
  const scene = document.querySelector(".zoned"), text = document.getElementById("zone");
  const says = document.getElementById("zone-says"), svg = scene.querySelector("svg");
  const [width, height] = svg.getAttribute("viewBox").split(" ").slice(2).map(Number);
  let drawing = false, corners = [];
  document.querySelector(".editor .buttons").hidden = false;

  const read = () => {
    const found = [...text.value.matchAll(/\[\s*([\d.]+)\s*,\s*([\d.]+)\s*\]/g)].map((m) => [+m[1], +m[2]]);
    return found.every((c) => c.every((v) => v >= 0 && v <= 1)) ? found : [];
  };
  const part = () => Math.abs(corners.reduce((sum, [x, y], n) => {
    const [u, v] = corners[(n + 1) % corners.length];
    return sum + x * v - u * y;
  }, 0)) / 2;
  const show = () => {
    svg.querySelectorAll(".zone, .outside, .corner").forEach((old) => old.remove());
    const add = (name, css, more) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      made.setAttribute("class", css);
      Object.entries(more).forEach(([key, value]) => made.setAttribute(key, value));
      svg.append(made);
    };
    const points = corners.map(([x, y]) => `${x * width},${y * height}`).join(" ");
    if (corners.length > 2) {
      add("path", "outside", { "fill-rule": "evenodd", d: `M0,0H${width}V${height}H0ZM${points}Z` });
    }
    add("polygon", "zone", { points });
    corners.forEach(([x, y]) => add("circle", "corner", { cx: x * width, cy: y * height, r: width / 120 }));
    says.textContent = corners.length > 2
      ? `${(100 * part()).toFixed(0)} % of the picture is watched.`
      : "A zone needs at least three corners: click on the picture.";
  };
  const write = () => {
    text.value = `zone: [${corners.map(([x, y]) => `[${x}, ${y}]`).join(", ")}]`;
    show();
  };

  document.getElementById("zone-new").addEventListener("click", () => {
    drawing = true;
    corners = [];
    scene.classList.add("drawing");
    write();
    scene.scrollIntoView({ block: "nearest" });
  });
  document.getElementById("zone-undo").addEventListener("click", () => {
    corners = read().slice(0, -1);
    write();
  });
  scene.addEventListener("click", (event) => {
    if (!drawing) return;
    const box = scene.getBoundingClientRect();
    const near = (value) => Math.round(100 * Math.min(1, Math.max(0, value))) / 100;
    corners.push([near((event.clientX - box.left) / box.width), near((event.clientY - box.top) / box.height)]);
    write();
  });
  text.addEventListener("input", () => {
    corners = read();
    show();
  });
})();
