"use strict";
// The report. All text from outside goes through textContent: it is never parsed as markup.
const D = JSON.parse(document.getElementById("data").textContent);
const F = Object.fromEntries(D.fields.map((name, k) => [name, k]));
const rows = D.rows.map((row) => Object.fromEntries(D.fields.map((name, k) => [name, row[k]])));
rows.forEach((row, k) => (row.order = k)); // dates of imported ones may lie
const byCommit = new Map(rows.map((row) => [row.commit, row]));
const MARKS = { baseline: "■", kept: "●", "near miss": "◆", retest: "▲", discarded: "•", failed: "✕", open: "○" };
const PAGE = 200; // rows of the table that are drawn at once
const $ = (id) => document.getElementById(id);
const css = (kind) => "k-" + kind.split(" ")[0];

function el(tag, text, attributes) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  return node;
}
function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  return size === 0 || (size >= 1e-3 && size < 1e6) ? value.toFixed(6) : value.toPrecision(6);
}
function signed(value) {
  if (value === null || value === undefined) return "";
  const text = Math.abs(value) >= 1e-6 && Math.abs(value) < 1e6 ? value.toFixed(6) : number(value);
  return (value > 0 ? "+" : "") + text;
}
function duration(s) {
  if (s < 60) return s.toFixed(0) + " s";
  if (s < 3600) return (s / 60).toFixed(1) + " min";
  return s < 172800 ? (s / 3600).toFixed(1) + " h" : (s / 86400).toFixed(1) + " d";
}
const date = (s) => new Date(s * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
const middle = (row) => (row.low === null || row.high === null ? row.value : (row.low + row.high) / 2);
const interval = (row) => (row.low === null ? "" : `[${number(row.low)}, ${number(row.high)}]`);
function gainOf(value, from) {
  if (value === null || from === null) return null;
  const gain = D.minimize ? from - value : value - from;
  return Math.abs(gain) < 1e-9 * Math.abs(from) ? 0 : gain; // what is left of rounding
}

// ---- Head

function header() {
  $("title").textContent = D.title;
  $("subtitle").textContent = `${D.metric}, ${D.minimize ? "lower" : "higher"} is better · class ${D.class}`;
  const best = byCommit.get(D.best), base = byCommit.get(D.baseline);
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  const dollars = rows.reduce((sum, row) => sum + row.cost, 0);
  const facts = [["experiments", String(rows.length), `phase ${D.phase}, ${D.stall} since the last keep`]];
  if (best) facts.push(["best", number(middle(best)), `${interval(best)} n=${best.n}`]);
  if (base) facts.push(["baseline", number(middle(base)), `${interval(base)} n=${base.n}`]);
  if (best && base) {
    const gain = gainOf(middle(best), middle(base));
    const share = middle(base) ? ` (${((100 * gain) / Math.abs(middle(base))).toFixed(2)}%)` : "";
    facts.push(["gain", signed(gain), "on the baseline" + share]);
  }
  facts.push(["spent", duration(seconds), dollars ? `${dollars.toFixed(2)} US dollars` : "of runs"]);
  for (const [name, value, more] of facts) {
    const box = el("div"), dd = el("dd");
    dd.append(el("strong", value), el("span", more));
    box.append(el("dt", name), dd);
    $("facts").append(box);
  }
  for (const text of D.warnings) $("warnings").append(el("li", text));
}

// ---- Chart

const canvas = $("progress");
const drawn = rows.filter((row) => row.index > 0);
let shown = new Set(drawn), places = [], focused = -1;

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "line", "best", "band", "baseline", "kept", "near", "retest", "discarded", "failed"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
}
function ticks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(at);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step))) };
}
function draw() {
  const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  canvas.width = w * ratio;
  canvas.height = h * ratio;
  const g = canvas.getContext("2d"), c = colours();
  g.scale(ratio, ratio);
  g.font = "13px system-ui, 'DejaVu Sans', sans-serif";
  if (!D.window || !drawn.length) {
    g.fillStyle = c.soft;
    g.fillText("No experiment has a result yet.", 12, 24);
    return;
  }
  const [low, high] = D.window, lines = ticks(low, high, h < 300 ? 4 : 6);
  const left = 14 + Math.max(...lines.found.map((v) => g.measureText(v.toFixed(lines.digits)).width));
  const top = 10, bottom = h - 26, right = w - 10, count = drawn.length;
  const x = (index) => left + 8 + ((index - 1) / Math.max(count - 1, 1)) * (right - left - 16);
  const y = (value) => top + ((high - Math.min(Math.max(value, low), high)) / (high - low)) * (bottom - top);
  axes(g, c, lines, { left, right, top, bottom, x, y, count });
  frontier(g, c, x, y);
  const edge = D.minimize ? high : low;
  places = drawn.map((row) => [x(row.index), y(row.value === null ? edge : row.value), row]);
  const order = ["discarded", "failed", "retest", "near miss", "kept", "baseline", "open"];
  for (const kind of order)
    for (const [px, py, row] of places)
      if (row.kind === kind) {
        g.globalAlpha = shown.has(row) ? 1 : 0.12;
        mark(g, kind, px, py, c[kind.split(" ")[0]] || c.soft);
      }
  g.globalAlpha = 1;
  if (focused >= 0 && places[focused]) {
    g.strokeStyle = c.ink;
    g.lineWidth = 2;
    g.beginPath();
    g.arc(places[focused][0], places[focused][1], 9, 0, 7);
    g.stroke();
  }
}
function axes(g, c, lines, p) {
  g.strokeStyle = c.line;
  g.fillStyle = c.soft;
  g.lineWidth = 1;
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const value of lines.found) {
    g.beginPath();
    g.moveTo(p.left, p.y(value));
    g.lineTo(p.right, p.y(value));
    g.stroke();
    g.fillText(value.toFixed(lines.digits), p.left - 6, p.y(value));
  }
  g.textAlign = "center";
  g.textBaseline = "top";
  const across = ticks(1, Math.max(p.count, 2), p.right - p.left < 400 ? 4 : 8);
  for (const value of across.found)
    if (Number.isInteger(value) && value >= 1) g.fillText(String(value), p.x(value), p.bottom + 7);
}
function frontier(g, c, x, y) {
  const known = drawn.filter((row) => row.best.length && row.best[0] !== null);
  if (!known.length) return;
  const steps = (pick) => {
    const path = [];
    known.forEach((row, k) => {
      if (k) path.push([x(row.index), y(pick(known[k - 1]))]);
      path.push([x(row.index), y(pick(row))]);
    });
    path.push([x(drawn.length) + 8, y(pick(known[known.length - 1]))]);
    return path;
  };
  const trace = (path) => path.forEach(([px, py]) => g.lineTo(px, py));
  g.fillStyle = c.band;
  g.beginPath();
  trace(steps((row) => row.best[1] ?? row.best[0]));
  trace(steps((row) => row.best[2] ?? row.best[0]).reverse());
  g.fill();
  g.strokeStyle = c.best;
  g.lineWidth = 2.2;
  g.beginPath();
  trace(steps((row) => row.best[0]));
  g.stroke();
}
function mark(g, kind, x, y, colour) {
  g.fillStyle = g.strokeStyle = colour;
  g.lineWidth = 2;
  g.beginPath();
  const polygon = (...points) => points.forEach(([dx, dy]) => g.lineTo(x + dx, y + dy));
  if (kind === "baseline") g.rect(x - 5, y - 5, 10, 10);
  else if (kind === "kept") g.arc(x, y, 5, 0, 7);
  else if (kind === "near miss") polygon([0, -6], [5, 0], [0, 6], [-5, 0]);
  else if (kind === "retest") polygon([0, -5], [5, 4], [-5, 4]);
  else if (kind === "failed") {
    g.moveTo(x - 4, y - 4);
    g.lineTo(x + 4, y + 4);
    g.moveTo(x + 4, y - 4);
    g.lineTo(x - 4, y + 4);
    g.stroke();
    return;
  } else g.arc(x, y, 2.6, 0, 7);
  g.fill();
}
function nearest(event) {
  const box = canvas.getBoundingClientRect();
  const px = event.clientX - box.left, py = event.clientY - box.top;
  let best = -1, distance = 18 * 18;
  places.forEach(([x, y, row], k) => {
    const far = (x - px) ** 2 + (y - py) ** 2;
    if (far < distance && shown.has(row)) [best, distance] = [k, far];
  });
  return best;
}
function point(index) {
  focused = index;
  draw();
  const tip = $("tip");
  tip.hidden = index < 0;
  if (index < 0) return;
  const [x, y, row] = places[index];
  tip.replaceChildren(
    el("strong", `#${row.index} ${row.verdict} ${number(row.value)} ${signed(row.delta)}`),
    el("div", row.change), el("div", `${row.commit.slice(0, 9)} ${row.emitter}`));
  const right = x > canvas.clientWidth / 2;
  tip.style.left = right ? "auto" : x + 14 + "px";
  tip.style.right = right ? canvas.clientWidth - x + 14 + "px" : "auto";
  tip.style.top = Math.max(0, Math.min(y - 20, canvas.clientHeight - tip.offsetHeight)) + "px";
}
function chart() {
  canvas.setAttribute("aria-label", `Progress of ${drawn.length} experiments; the table below has every one of them.`);
  canvas.addEventListener("mousemove", (event) => point(nearest(event)));
  canvas.addEventListener("mouseleave", () => point(-1));
  canvas.addEventListener("click", (event) => {
    const found = nearest(event);
    point(found);
    if (found >= 0) open(places[found][2]);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step && places.length) {
      let next = focused;
      do next += step; while (next >= 0 && next < places.length && !shown.has(places[next][2]));
      if (next >= 0 && next < places.length) point(next);
      event.preventDefault();
    } else if (event.key === "Enter" && focused >= 0) entered(event, places[focused][2]);
    else if (event.key === "Escape") point(-1);
  });
  const legend = $("legend");
  legend.append(el("span", "best so far, with its 95% interval", { class: "k-best", "data-mark": "━" }));
  for (const kind of Object.keys(MARKS)) {
    const n = drawn.filter((row) => row.kind === kind).length;
    if (n) legend.append(el("span", `${kind} (${n})`, { class: css(kind), "data-mark": MARKS[kind] }));
  }
  const [low, high] = D.window || [0, 0];
  const far = drawn.filter((row) => row.value !== null && (row.value < low || row.value > high)).length;
  if (far) legend.append(el("span", `${far} beyond the edge are drawn on it`, { class: "k-open", "data-mark": "⋯" }));
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

// ---- Table and filters

const COLUMNS = [
  ["#", "index", "num"], ["verdict", "verdict", "mark"], ["commit", "commit", "narrow-off"], ["value", "value", "num"],
  ["delta", "delta", "num narrow-off"], ["n", "n", "num narrow-off"], ["idea", "change", "wide"],
  ["emitter", "emitter", "narrow-off"], ["niche", "niche", "narrow-off"],
  ["time", "seconds", "num narrow-off"],
];
let listed = [], limit = PAGE, sorting = { key: "order", down: true };

function choices(id, values) {
  $(id).append(el("option", "all", { value: "" }));
  const counted = new Map();
  for (const value of values) if (value) counted.set(value, (counted.get(value) || 0) + 1);
  for (const [value, n] of [...counted].sort()) $(id).append(el("option", `${value} (${n})`, { value }));
}
function filter() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = ["verdict", "emitter", "niche"].map((id) => [id, $(id).value]).filter(([, value]) => value);
  const matches = (row) => wanted.every(([id, value]) => row[id] === value) && words.every((word) => row.text.includes(word));
  listed = rows.filter(matches);
  shown = new Set(listed);
  limit = PAGE;
  list();
  draw();
}
function list() {
  const { key, down } = sorting, sign = down ? -1 : 1;
  const order = (a, b) => {
    if (a[key] === b[key]) return b.order - a.order;
    if (a[key] === null) return 1;
    if (b[key] === null) return -1;
    return sign * (a[key] < b[key] ? -1 : 1);
  };
  listed.sort(order);
  const body = document.createDocumentFragment();
  for (const row of listed.slice(0, limit)) body.append(line(row));
  $("runs").tBodies[0].replaceChildren(body);
  $("count").textContent = `${listed.length} of ${rows.length}`;
  $("more").hidden = listed.length <= limit;
  $("more").textContent = `Show ${Math.min(PAGE, listed.length - limit)} more`;
}
function line(row) {
  const tr = el("tr", null, { class: "row", tabindex: "0" });
  for (const [, key, kind] of COLUMNS) {
    let text = row[key];
    if (key === "value") text = number(row.value);
    else if (key === "delta") text = signed(row.delta);
    else if (key === "seconds") text = duration(row.seconds);
    else if (key === "commit") text = row.commit.slice(0, 9);
    const td = el("td", null, { class: kind === "mark" ? "mark " + css(row.kind) : kind });
    if (kind === "mark") {
      td.dataset.mark = MARKS[row.kind] || "○";
      td.title = text;
      td.append(el("span", text, { class: "narrow-off" }));
    } else if (kind === "wide") td.append(el("div", text, { class: "two", title: text }));
    else td.textContent = text;
    tr.append(td);
  }
  tr.addEventListener("click", () => open(row));
  tr.addEventListener("keydown", (event) => event.key === "Enter" && entered(event, row));
  return tr;
}
function table() {
  for (const row of rows)
    row.text = [row.commit, row.change, row.hypothesis, row.reason, row.signature, row.category].join(" ").toLowerCase();
  for (const id of ["verdict", "emitter", "niche"]) choices(id, rows.map((row) => row[id]));
  const head = el("tr");
  for (const [title, key, kind] of COLUMNS) {
    const th = el("th", null, { class: kind.includes("num") ? kind : kind.includes("narrow") ? kind : "", scope: "col" });
    const button = el("button", title, { type: "button" });
    button.addEventListener("click", () => {
      sorting = { key, down: sorting.key === key ? !sorting.down : false };
      list();
    });
    th.append(button);
    head.append(th);
  }
  $("runs").tHead.append(head);
  $("filters").addEventListener("input", filter);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(filter));
  $("more").addEventListener("click", () => {
    limit += PAGE;
    list();
  });
  filter();
}

// ---- One experiment

let opened = null;
function open(row) {
  opened = row;
  $("d-title").textContent = `#${row.index} ${row.change || row.commit.slice(0, 9)}`;
  const body = $("d-body"), facts = el("dl");
  const add = (name, value) => value !== "" && value !== null && value !== undefined && facts.append(el("dt", name), el("dd", value));
  add("verdict", `${MARKS[row.kind] || "○"} ${row.verdict}`);
  add("reason", row.reason);
  add("value", row.value === null ? row.outcome : `${number(row.value)} ${interval(row)} n=${row.n}`);
  add("against the incumbent", signed(row.delta));
  add("hypothesis", row.hypothesis);
  add("emitter", [row.emitter, row.phase].filter(Boolean).join(", "));
  add("niche", row.niche);
  add("crash", row.signature);
  for (const text of row.warnings) add("warning", text);
  add("proposed", date(row.time));
  add("commit", row.commit);
  body.replaceChildren(facts, scores(row), curve(row), runsOf(row), family(row), diff(row));
  if (!$("detail").open) $("detail").showModal();
  $("detail").scrollTop = 0;
}
function entered(event, row) {
  event.preventDefault(); // or the same key would press the button that gets the focus
  open(row);
}
function scores(row) {
  const box = el("dl");
  if (!row.scores.some(Boolean)) return box; // imported
  row.scores.forEach((value, k) => {
    const dd = el("dd"), name = D.scores[k];
    dd.append(el("meter", null, { min: 0, max: 1, value, "aria-label": name }), ` ${value.toFixed(2)}`);
    box.append(el("dt", name), dd);
  });
  return box;
}
function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
function curve(row) {
  const box = el("div");
  if (row.curve.length < 2) return box;
  const losses = row.curve.map((p) => p[1]), low = Math.min(...losses), high = Math.max(...losses);
  const drawing = svg("svg", { class: "curve", viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img" });
  const points = row.curve.map(([x, y]) => `${2 + 96 * x},${37 - (34 * (y - low)) / (high - low || 1)}`).join(" ");
  drawing.append(svg("polyline", { points }));
  box.append(el("h2", `Loss ${losses[0]} to ${losses[losses.length - 1]}`), drawing);
  return box;
}
function runsOf(row) {
  const box = el("div");
  if (!row.runs.length) return box;
  const grid = el("table"), head = el("tr");
  for (const name of ["outcome", "value", "seed", "time", "detail"]) head.append(el("th", name));
  grid.append(head);
  for (const [outcome, value, seed, seconds, detail] of row.runs) {
    const tr = el("tr");
    for (const text of [outcome, number(value), seed, duration(seconds)]) tr.append(el("td", text));
    tr.append(el("td", detail, { class: "wide" }));
    grid.append(tr);
  }
  const scroll = el("div", null, { class: "scroll" });
  scroll.append(grid);
  box.append(el("h2", `Runs (${row.runs.length})`), scroll);
  return box;
}
function family(row) {
  const box = el("p");
  const link = (other, name) => {
    const button = el("button", `${name} ${other.commit.slice(0, 9)} ${number(other.value)}`, { type: "button" });
    button.addEventListener("click", () => open(other));
    box.append(button, " ");
  };
  if (byCommit.has(row.parent)) link(byCommit.get(row.parent), "parent");
  rows.filter((other) => other.parent === row.commit).slice(0, 12).forEach((child) => link(child, "child"));
  return box;
}
function diff(row) {
  const box = el("div"), text = D.diffs[row.commit];
  box.append(el("h2", "Change"));
  if (!text) {
    box.append(el("p", `Not in this page. See it: git ar show ${row.commit.slice(0, 9)}`));
    return box;
  }
  const pre = el("pre");
  for (const part of text.split("\n")) {
    const kind = { "+": "add", "-": "del", "@": "at" }[part[0]];
    pre.append(kind ? el("span", part, { class: kind }) : part, "\n");
  }
  box.append(pre);
  return box;
}
function dialog() {
  const step = (by) => {
    const next = listed[listed.indexOf(opened) + by];
    if (next) open(next);
  };
  $("close").addEventListener("click", () => $("detail").close());
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  $("detail").addEventListener("click", (event) => event.target === $("detail") && $("detail").close());
  $("detail").addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName);
    if (event.key === "/" && !typing && !$("detail").open) {
      $("search").focus();
      event.preventDefault();
    }
  });
}

// ---- The rest

function archive() {
  const base = byCommit.get(D.baseline), from = base ? middle(base) : null;
  const cells = D.archive.map(([niche, commit, value, visits]) => {
    const cut = niche.indexOf(".");
    const [row, column] = cut < 0 ? [niche, "same-size"] : [niche.slice(0, cut), niche.slice(cut + 1)];
    return { row, column, commit, gain: gainOf(value, from), visits };
  });
  const order = ["smaller", "smaller.costly", "same-size", "same-size.costly", "larger", "larger.costly"];
  const columns = [...new Set(cells.map((cell) => cell.column))].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const widest = Math.max(...cells.map((cell) => Math.abs(cell.gain || 0)), 1e-12);
  const head = el("tr");
  head.append(el("th", cells.length ? "" : "No niche has an elite yet."), ...columns.map((name) => el("th", name)));
  $("archive").append(head);
  for (const name of [...new Set(cells.map((cell) => cell.row))].sort()) {
    const tr = el("tr");
    tr.append(el("th", name, { scope: "row" }));
    for (const column of columns) {
      const cell = cells.find((each) => each.row === name && each.column === column);
      const td = el("td", null, { class: "cell" });
      if (cell) {
        const share = Math.sqrt(Math.abs(cell.gain || 0) / widest);
        const depth = cell.gain ? 0.08 + 0.42 * share : 0;
        td.style.background = `rgba(var(--${cell.gain < 0 ? "bad" : "good"}), ${depth.toFixed(2)})`;
        const button = el("button", signed(cell.gain) || "–", { type: "button" });
        button.append(el("small", cell.visits === 1 ? "1 visit" : `${cell.visits} visits`));
        td.addEventListener("click", () => byCommit.has(cell.commit) && open(byCommit.get(cell.commit)));
        td.append(button);
      }
      tr.append(td);
    }
    $("archive").append(tr);
  }
}
function knobs() {
  const most = [...D.effects].sort((a, b) => b[2] - a[2]).slice(0, 24).sort((a, b) => b[3] - a[3]);
  if (!most.length) $("effects").append(el("p", "No knob was turned yet."));
  const reach = Math.max(...most.map((e) => Math.abs(e[3])), 1e-12) * 2;
  const x = (value) => (50 + (50 * Math.min(Math.max(value, -reach), reach)) / reach).toFixed(2) + "%";
  for (const [name, strength, n, mean, low, high, crashes] of most) {
    const kind = strength === "open" ? "open" : mean > 0 ? "helps" : "hurts";
    const row = el("div", null, { class: "effect" }), drawing = svg("svg", { role: "img" });
    drawing.append(svg("line", { class: "zero", x1: "50%", x2: "50%", y1: 0, y2: "100%" }));
    drawing.append(svg("line", { class: kind, x1: x(low), x2: x(high), y1: "50%", y2: "50%", "stroke-width": 3 }));
    drawing.append(svg("circle", { class: kind, cx: x(mean), cy: "50%", r: 5 }));
    const about = `${strength === "open" ? "nothing proven" : kind}, ${signed(mean)} [${signed(low)}, ${signed(high)}]`;
    drawing.setAttribute("aria-label", about);
    row.title = about;
    row.append(el("span", `${name} (n=${n}${crashes ? `, ${crashes} failed` : ""})`), drawing, el("span", signed(mean), { class: kind }));
    $("effects").append(row);
  }
}
function simple(id, titles, lines, none) {
  if (!lines.length) return $(id).append(el("caption", none));
  const head = el("tr");
  titles.forEach((title, k) => head.append(el("th", title, k ? { class: "num" } : {})));
  $(id).append(head);
  for (const cells of lines) {
    const tr = el("tr");
    cells.forEach((cell, k) => tr.append(el("td", cell, { class: k ? "num" : "wide" })));
    $(id).append(tr);
  }
}
function crashes() {
  const kinds = new Map();
  for (const row of rows.filter((each) => each.kind === "failed")) {
    const name = row.signature || row.reason || row.outcome;
    const seen = kinds.get(name) || [0, 0, ""];
    kinds.set(name, [seen[0] + 1, seen[1] + row.seconds, row.commit]);
  }
  const lines = [...kinds].sort((a, b) => b[1][0] - a[1][0]).slice(0, 50)
    .map(([name, [n, seconds, last]]) => [name, n, duration(seconds), last.slice(0, 9)]);
  simple("crashes", ["what happened", "times", "spent", "last"], lines, "Nothing failed.");
}
function cost() {
  const dollars = new Map();
  for (const row of rows) dollars.set(row.emitter, (dollars.get(row.emitter) || 0) + row.cost);
  const lines = D.emitters.map(([name, tries, wins, failed, seconds]) => [
    name, tries, wins, failed, duration(seconds), wins ? duration(seconds / wins) : "–",
    dollars.get(name) ? dollars.get(name).toFixed(2) : "–"]);
  simple("cost", ["emitter", "tried", "won", "failed", "time", "time a win", "US dollars"], lines, "Nothing ran yet.");
}

header();
chart();
table();
dialog();
archive();
knobs();
crashes();
cost();
document.documentElement.dataset.ready = "true";
