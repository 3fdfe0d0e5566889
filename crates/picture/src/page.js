"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { transactions, locations, layers, timelines } = data;
  // Certain ones first, as they are numbered in the drawing.
  const possible = (data.possible ?? []).map((edge) => ({ ...edge, possible: true }));
  const edges = [...data.edges, ...possible];
  const $ = (id) => document.getElementById(id);
  const canvas = $("canvas"), svg = canvas.querySelector("svg");
  const nodes = [...svg.querySelectorAll(".node")], paths = [];
  svg.querySelectorAll(".edge").forEach((path) => { paths[Number(path.dataset.e)] = path; });
  const critical = new Set(data.critical_path);
  const edgesInto = transactions.map(() => []), edgesFrom = transactions.map(() => []);
  edges.forEach((edge, e) => { edgesInto[edge.to].push(e); edgesFrom[edge.from].push(e); });
  const layerOf = [];
  layers.forEach((layer, l) => layer.forEach((i) => { layerOf[i] = l; }));

  // Elements are made, never parsed: nothing in the data can become markup.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const short = (text) => text.length > 14 ? text.slice(0, 8) + "…" + text.slice(-4) : text;
  const number = (n) => n.toLocaleString("en");
  const plural = (n, one) => number(n) + " " + one + (n === 1 ? "" : "s");
  const nameOf = (l) => {
    const { address, kind, slot, label } = locations[l];
    if (kind !== "storage") return short(address) + " " + kind;
    return short(address) + " " + (label ?? "slot " + short(slot));
  };
  const fullName = (l) => locations[l].address + (locations[l].slot ? " slot " + locations[l].slot : " " + locations[l].kind);
  const place = (l) => make("span", { title: fullName(l) }, nameOf(l));

  // Summary.
  const gas = transactions.reduce((sum, tx) => sum + tx.gas, 0);
  const pathGas = data.critical_path.reduce((sum, i) => sum + transactions[i].gas, 0);
  const incomplete = transactions.filter((tx) => tx.unknown.length).length;
  $("summary").textContent = [
    plural(transactions.length, "transaction"), number(data.edges.length) + (data.edges.length === 1 ? " dependency" : " dependencies"),
    possible.length ? number(possible.length) + " possible" : null,
    plural(layers.length, "layer"), (gas / 1e6).toFixed(2) + " Mgas",
    "critical path " + (pathGas / 1e6).toFixed(2) + " Mgas",
    incomplete ? incomplete + " predicted in part" : null,
  ].filter(Boolean).join(" · ");

  // Selection and details.
  let selected = null;
  const button = (i) => make("button", { type: "button", onclick: () => select(i, true), title: transactions[i].hash }, String(i));
  const list = (title, items) => items.length
    ? [make("h3", {}, title), make("ul", {}, ...items.map((item) => make("li", {}, ...item)))] : [];
  const because = (edge) => edge.locations.length
    ? edge.locations.flatMap((l, n) => [n ? ", " : "", place(l)]) : ["the order of the block"];

  const showTransaction = (i) => {
    const tx = transactions[i];
    const row = (name, value) => [make("dt", {}, name), make("dd", {}, make("code", {}, value))];
    const uses = new Map();
    for (const [set, how] of [["reads", "read"], ["writes", "written"], ["commutative", "settled at commit"]]) {
      for (const l of tx[set]) uses.set(l, [...(uses.get(l) ?? []), how]);
    }
    for (const [set, how] of [["reads", "possibly read"], ["writes", "possibly written"]]) {
      for (const l of tx.possible?.[set] ?? []) uses.set(l, [...(uses.get(l) ?? []), how]);
    }
    const edgesTo = (list, maybe, end) => list.filter((e) => !!edges[e].possible === maybe)
      .map((e) => [button(edges[e][end]), " ", ...because(edges[e])]);
    $("details").replaceChildren(
      make("h2", {}, "Transaction " + i + (critical.has(i) ? ", on the critical path" : "")),
      make("dl", {}, ...row("hash", tx.hash), ...row("from", tx.from), ...row("to", tx.to ?? "(creation)"),
        ...(tx.function ? row("function", tx.function) : []), ...row("gas", number(tx.gas)), ...row("layer", String(layerOf[i])),
        ...(tx.observed ? [...row("observed", tx.observed.outcome + (tx.observed.again ? ", executed twice" : "")),
          ...row("gas used", number(tx.observed.gas))] : [])),
      ...list("Accessed, but not predicted", (tx.observed?.missed ?? []).map((l) => [place(l)])),
      ...list("Predicted, but not accessed", (tx.observed?.extra ?? []).map((l) => [place(l)])),
      ...list("Not known", tx.unknown.map((reason) => [reason])),
      ...list("Waits for", edgesTo(edgesInto[i], false, "from")),
      ...list("Is waited for by", edgesTo(edgesFrom[i], false, "to")),
      ...list("May have to wait for", edgesTo(edgesInto[i], true, "from")),
      ...list("May have to be waited for by", edgesTo(edgesFrom[i], true, "to")),
      ...list("Accesses", [...uses].map(([l, how]) => [place(l), make("span", { class: "faint" }, " " + how.join(", "))])),
      ...list("Accesses that storage tells", (tx.possible?.symbolic ?? []).map((place) => [place])),
    );
  };
  const showEdge = (e) => {
    const edge = edges[e];
    $("details").replaceChildren(
      make("h2", {}, edge.from + " → " + edge.to),
      make("p", {}, "Transaction ", button(edge.to), edge.possible ? " may read what " : " reads what ", button(edge.from),
        edge.possible ? " may write:" : " writes:"),
      make("ul", {}, ...(edge.locations.length
        ? edge.locations.map((l) => make("li", {}, place(l), make("br"), make("code", { class: "faint" }, fullName(l))))
        : [make("li", {}, "nothing that is known; it keeps the order of the block")])),
    );
  };
  const near = svg.insertBefore(document.createElementNS(svg.namespaceURI, "g"), svg.querySelector(".nodes"));
  near.classList.add("near");
  const mark = (i) => {
    svg.classList.toggle("focused", i !== null);
    near.replaceChildren(...(i === null ? [] : [...edgesInto[i], ...edgesFrom[i]].map((e) => paths[e].cloneNode())));
  };
  // Whatever comes faster than it can be drawn is drawn once a frame, as it is then.
  const eachFrame = (work) => {
    let latest = null;
    return (...given) => {
      if (latest === null) requestAnimationFrame(() => { const last = latest; latest = null; work(...last); });
      latest = given;
    };
  };
  const select = (i, scroll) => {
    if (selected !== null) nodes[selected].classList.remove("selected");
    if (selected !== null) boxes[selected].classList.remove("selected");
    selected = i;
    mark(i);
    if (i === null) return hint();
    nodes[i].classList.add("selected");
    boxes[i].classList.add("selected");
    showTransaction(i);
    if (scroll) reveal(i);
  };
  const hint = () => $("details").replaceChildren(
    make("h2", {}, "Pick a transaction"),
    make("p", {}, "Tap a box or an edge, search, or use the arrow keys in the graph. Each column is a layer: what stands in it can run at the same time, once everything left of it that it is connected to is done."));
  const reveal = (i) => {
    resize();
    const box = nodes[i].getBoundingClientRect(), view = canvas.getBoundingClientRect();
    canvas.scrollBy({ left: box.x - view.x - view.width / 2, top: box.y - view.y - view.height / 2 });
  };

  const hit = (event) => {
    const node = event.target.closest?.(".node"), edge = event.target.closest?.(".edge");
    return { i: node ? Number(node.dataset.i) : null, e: edge ? Number(edge.dataset.e) : null };
  };
  svg.addEventListener("click", (event) => {
    const { i, e } = hit(event);
    if (e !== null) showEdge(e); else select(i, false);
  });
  const point = eachFrame(({ i, e }) => {
    if (selected !== null) return;
    if (e !== null) showEdge(e);
    if (i !== null) { showTransaction(i); mark(i); }
  });
  svg.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") point(hit(event));
  });
  svg.addEventListener("pointerleave", () => { if (selected === null) { mark(null); hint(); } });

  // Keys: along edges and within layers.
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return select(null);
    if (!event.key.startsWith("Arrow") || !transactions.length) return;
    event.preventDefault();
    if (selected === null) return select(data.critical_path[0] ?? 0, true);
    const i = selected, x = (n) => nodes[n].transform.baseVal[0].matrix;
    const layer = [...layers[layerOf[i]]].sort((a, b) => x(a).f - x(b).f || x(a).e - x(b).e);
    const next = {
      ArrowLeft: () => edges[edgesInto[i][0]]?.from, ArrowRight: () => edges[edgesFrom[i][0]]?.to,
      ArrowUp: () => layer[layer.indexOf(i) - 1], ArrowDown: () => layer[layer.indexOf(i) + 1],
    }[event.key]?.();
    if (next !== undefined) select(next, true);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== $("query")) { event.preventDefault(); $("query").focus(); }
  });

  // Zoom.
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const READABLE = 0.4;
  let scale = 1;
  // The drawing keeps its size, so nothing in it is laid out anew; the sheet under it is as
  // large as it looks.
  const sheet = make("div", { id: "sheet" });
  svg.replaceWith(sheet);
  sheet.append(svg);
  const resize = () => {
    svg.classList.toggle("far", scale < READABLE);
    svg.style.transform = `scale(${scale})`;
    sheet.style.width = width * scale + "px";
    sheet.style.height = height * scale + "px";
  };
  const resizeSoon = eachFrame(resize);
  const zoom = (to) => { scale = Math.min(4, Math.max(0.05, to)); resizeSoon(); };
  const fit = () => zoom(Math.min(1, canvas.clientWidth / width));
  $("smaller").addEventListener("click", () => zoom(scale / 1.4));
  $("larger").addEventListener("click", () => zoom(scale * 1.4));
  $("fit").addEventListener("click", fit);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(scale * Math.exp(-event.deltaY / 300));
  }, { passive: false });

  // Search: a number is a position, everything else a part of a hash, address or slot.
  const words = transactions.map((tx) => [tx.hash, tx.from, tx.to ?? "", tx.function ?? "",
    ...(tx.possible?.symbolic ?? []),
    ...[...tx.reads, ...tx.writes, ...(tx.possible?.reads ?? []), ...(tx.possible?.writes ?? [])].flatMap((l) => [fullName(l), locations[l].label ?? ""])]
    .join(" ").toLowerCase());
  let hits = [], current = -1;
  const search = () => {
    const query = $("query").value.trim().toLowerCase();
    hits = !query ? [] : /^\d{1,6}$/.test(query)
      ? (Number(query) < transactions.length ? [Number(query)] : [])
      : words.flatMap((text, i) => text.includes(query) ? [i] : []);
    current = -1;
    const wanted = new Set(hits);
    nodes.forEach((node, i) => node.classList.toggle("hit", wanted.has(i)));
    svg.classList.toggle("searching", query !== "");
    $("found").textContent = query ? plural(hits.length, "transaction") : "";
    if (hits.length) reveal(hits[0]);
  };
  $("query").addEventListener("input", search);
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!hits.length) return;
    current = (current + 1) % hits.length;
    select(hits[current], true);
    $("found").textContent = `${current + 1} of ${hits.length}`;
  });
  const find = (query) => { $("query").value = query; search(); };

  // Where transactions meet: locations by the readers and writers behind edges.
  const meetings = new Map();
  for (const edge of data.edges) for (const l of edge.locations) {
    const spot = meetings.get(l) ?? { l, edges: 0, readers: new Set(), writers: new Set() };
    spot.edges += 1; spot.readers.add(edge.to); spot.writers.add(edge.from);
    meetings.set(l, spot);
  }
  const spots = [...meetings.values()].sort((a, b) => b.edges - a.edges || a.l - b.l).slice(0, 20);
  const most = Math.max(1, ...spots.map((spot) => spot.edges));
  $("spots").replaceChildren(...spots.map(({ l, edges: count, readers, writers }) => make("li", {},
    make("span", { class: "name", title: fullName(l) }, nameOf(l)), " ",
    make("button", { type: "button", onclick: () => find(fullName(l)) }, "show"),
    make("span", { class: "faint" }, ` ${plural(count, "edge")}, ${plural(writers.size, "writer")}, ${plural(readers.size, "reader")}`),
    make("div", { class: "chart", "aria-hidden": "true" }, make("span", { class: "readers", style: `width:${100 * count / most}%` })))));
  if (!spots.length) $("spots").replaceWith(make("p", {}, "Nowhere: no transaction reads what another one writes."));

  // Predicted and observed, where a record was given.
  const observed = transactions.filter((tx) => tx.observed);
  if (observed.length) {
    const wrong = ({ gas, observed: o }) => o.missed.length || o.extra.length || o.again || gas !== o.gas;
    const misses = transactions.flatMap((tx, i) => tx.observed && wrong(tx) ? [i] : []);
    const sets = observed.filter(({ observed: o }) => !o.missed.length && !o.extra.length).length;
    const exact = observed.filter((tx) => tx.gas === tx.observed.gas).length;
    const twice = observed.filter((tx) => tx.observed.again).length;
    $("check").hidden = false;
    $("score").textContent = `Of ${plural(observed.length, "transaction")}, accesses of ${number(sets)} and gas of ${number(exact)} exactly as predicted; ${number(twice)} executed twice.`;
    $("misses").replaceChildren(...misses.slice(0, 100).map((i) => {
      const { missed, extra } = transactions[i].observed;
      return make("li", {}, button(i), ` ${number(missed.length)} missed, ${number(extra.length)} too many, `
        + `${number(transactions[i].gas)} gas predicted, ${number(transactions[i].observed.gas)} used`);
    }));
  }

  // Schedule.
  const LANE = 18, UNIT = 1000;
  const slider = $("cores");
  slider.max = Math.max(0, timelines.length - 1);
  slider.value = Math.min(3, timelines.length - 1);
  const svgElement = (tag) => document.createElementNS(svg.namespaceURI, tag);
  const chart = svgElement("svg");
  chart.setAttribute("preserveAspectRatio", "none");
  const boxes = transactions.map((tx, i) => {
    const box = svgElement("rect");
    box.setAttribute("width", tx.gas / UNIT);
    box.setAttribute("height", LANE - 2);
    box.classList.toggle("critical", critical.has(i));
    box.dataset.i = i;
    return box;
  });
  chart.append(...boxes);
  chart.addEventListener("click", (event) => {
    if (event.target.dataset.i !== undefined) select(Number(event.target.dataset.i), true);
  });
  $("lanes").replaceChildren(chart);
  const draw = () => {
    const timeline = timelines[Number(slider.value)];
    if (!timeline) return;
    const { cores, makespan, slots } = timeline;
    chart.setAttribute("viewBox", `0 0 ${Math.max(1, makespan / UNIT)} ${cores * LANE}`);
    chart.style.height = Math.min(cores * LANE, 480) + "px";
    slots.forEach(([core, start], i) => {
      boxes[i].setAttribute("x", start / UNIT);
      boxes[i].setAttribute("y", core * LANE + 1);
    });
    const speedup = makespan ? gas / makespan : 1;
    $("pace").textContent = `${plural(cores, "core")}: ${(makespan / 1e6).toFixed(2)} Mgas, ${speedup.toFixed(2)}× as fast as in order (predicted)`;
    slider.setAttribute("aria-valuetext", plural(cores, "core"));
  };
  slider.addEventListener("input", eachFrame(draw));

  // At the start boxes can be read, even if not all of them are in view.
  const LEGIBLE = 0.6;
  scale = Math.min(1, Math.max(LEGIBLE, canvas.clientWidth / width));
  resize();
  draw();
  if (data.selected !== null) select(data.selected, true); else hint();
})();
