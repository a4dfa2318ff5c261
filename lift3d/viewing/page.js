"use strict";
// State and controls of the page. Everything shown follows from `data` and `state`; a change asks for a redraw.
// Names come from files: they only ever become text (textContent, append), never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const FRAMES = Math.max(1, data.times.length);
const VIEWS = [ // name, yaw and pitch in degrees
  ["Free", 25, 14], ["Front", 0, 0], ["Back", 180, 0], ["Left", -90, 0], ["Right", 90, 0], ["Top", 0, 89.9],
];

const state = {
  frame: 0,
  playing: false,
  speed: 1,
  layout: "overlay",
  colour: "side",
  view: "orbit", // or the index of a camera
  orbit: {},
  visible: data.sequences.map((sequence) => !sequence.hidden),
  joint: "",
  follow: false, // keep the people in the middle
  showFloor: true,
  showCameras: true,
  showBodies: true,
  showDetected: true,
  showReprojected: true,
};

let theme = readTheme();
let waiting = false;
const bodies = new Bodies(data);
const stage = new Stage(byId("stage"), data, state, bodies);
const panels = data.cameras.map((camera, i) => new Panel(camera, i, data, state, bodies, chooseCamera, redraw));

function draw() {
  waiting = false;
  if (data.spaces.length) stage.draw(theme);
  for (const panel of panels) panel.draw(theme);
  showNumbers();
}

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(draw);
}

// ---- views ----

function fit(withCameras) {
  leaveCamera();
  state.orbit = { ...state.orbit, distance: fittingDistance(data, withCameras, state.follow), pan: [0, 0, 0] };
  redraw();
}

function chooseView(number) {
  const [, yaw, pitch] = VIEWS[number];
  state.view = "orbit";
  state.orbit = { ...state.orbit, yaw: (yaw * Math.PI) / 180, pitch: (pitch * Math.PI) / 180 };
  byId("view").value = `orbit-${number}`;
  redraw();
}

function chooseCamera(index) {
  if (!data.cameras[index].calibration || !data.cameras[index].size) return;
  state.view = index;
  byId("view").value = `camera-${index}`;
  redraw();
}

// Turning, moving or zooming out of a camera's view goes on from about where that camera stands.
function leaveCamera() {
  byId("view").value = "orbit-0";
  const cell = stage.cells.find((own) => data.spaces[own.space].hasCameras);
  if (state.view !== "orbit" && cell && cell.view) {
    const { rotation, eye } = cell.view;
    const forward = rotation[2];
    state.orbit = {
      yaw: Math.atan2(-forward[0], forward[1]),
      pitch: Math.asin(Math.max(-1, Math.min(1, -forward[2]))),
      distance: Math.max(0.5, Math.hypot(...plus(eye, spaceTarget(data.spaces[cell.space]), -1))),
      pan: [0, 0, 0],
    };
  }
  state.view = "orbit";
}

function fillViews() {
  const option = (value, text) => {
    const own = document.createElement("option");
    own.value = value;
    own.textContent = text;
    return own;
  };
  VIEWS.forEach(([name], i) => byId("view").append(option(`orbit-${i}`, name)));
  data.cameras.forEach((camera, i) => {
    if (camera.calibration) byId("view").append(option(`camera-${i}`, `from ${camera.name}`));
  });
  const skeletons = data.sequences.map((sequence) => sequence.skeleton).concat(data.keypointSkeleton || []);
  const joints = new Set(skeletons.flatMap((skeleton) => skeleton.joints));
  for (const joint of joints) byId("joint").append(option(joint, joint.replaceAll("_", " ")));
}

// ---- time ----

function goTo(frame) {
  state.frame = Math.max(0, Math.min(FRAMES - 1, Math.round(frame) || 0));
  redraw();
}

let clock = 0; // seconds since the first frame
let lastTick = 0;

function setPlaying(playing) {
  state.playing = playing && FRAMES > 1;
  byId("play").classList.toggle("playing", state.playing);
  byId("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
  if (!state.playing) return;
  clock = data.times[state.frame] - data.times[0];
  lastTick = performance.now();
  requestAnimationFrame(tick);
}

function tick(now) {
  if (!state.playing) return;
  const length = data.times[FRAMES - 1] - data.times[0];
  clock += (Math.min(250, Math.max(0, now - lastTick)) / 1000) * state.speed;
  lastTick = now;
  if (clock > length + length / (FRAMES - 1)) clock = 0; // the last frame stays as long as the others
  let frame = data.times.findIndex((time) => time - data.times[0] > clock + 1e-6) - 1;
  if (frame < 0) frame = FRAMES - 1;
  if (frame !== state.frame) goTo(frame);
  requestAnimationFrame(tick);
}

function step(by) {
  setPlaying(false);
  goTo(state.frame + by);
}

function showNumbers() {
  const time = data.times.length ? data.times[state.frame] : 0;
  byId("scrub").value = state.frame;
  if (document.activeElement !== byId("frame")) byId("frame").value = state.frame;
  byId("clock").textContent = `of ${FRAMES - 1} · ${time.toFixed(2)} s`;
  data.sequences.forEach((_, i) => showJoint(i));
}

// ---- legend ----

// The chosen joint's position beside its sequence's name.
function showJoint(i) {
  const joint = data.sequences[i].skeleton.joints.indexOf(state.joint);
  const people = data.sequences[i].positions_mm[state.frame] || [];
  const lines = joint < 0 ? [] : people.map((person) => (person[joint] ? metres(person[joint]) : "missing"));
  byId(`value-${i}`).textContent = lines.join("\n");
}

function metres(point) {
  const [x, y, z] = point.map((value) => (value / 1000).toFixed(3));
  return `x ${x}  y ${y}  z ${z} m`;
}

function drawSample(canvas, i) {
  const context = canvas.getContext("2d");
  const byside = state.colour === "side";
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineWidth = 5;
  context.setLineDash(byside && state.layout === "overlay" ? DASHES[i % DASHES.length].map((d) => d * 1.7) : []);
  ["left", "right"].forEach((side, half) => {
    context.strokeStyle = partColour(i, side, theme, byside);
    context.beginPath();
    context.moveTo(2 + half * 34, 8);
    context.lineTo(34 + half * 34, 8);
    context.stroke();
  });
}

function buildLegend() {
  data.sequences.forEach((sequence, i) => {
    const [item, label, box, sample, text, value] =
      ["li", "label", "input", "canvas", "span", "span"].map((tag) => document.createElement(tag));
    Object.assign(box, { type: "checkbox", checked: state.visible[i] });
    Object.assign(sample, { width: 70, height: 16, id: `sample-${i}` });
    sample.style.width = "35px";
    box.addEventListener("change", () => {
      state.visible[i] = box.checked;
      redraw();
    });
    Object.assign(value, { className: "value", id: `value-${i}` });
    text.append(sequence.label, value);
    label.append(box, sample, text);
    item.append(label);
    byId("sequences").append(item);
  });
  byId("sequences").hidden = data.sequences.length === 0;
}

function refreshLegend() {
  data.sequences.forEach((_, i) => drawSample(byId(`sample-${i}`), i));
  const keys = state.colour === "side"
    ? [["left", theme.left], ["right", theme.right], ["middle", theme.middle]]
    : [["left: light, right: dark", null]];
  const items = keys.map(([name, colour]) => keyItem(name, colour, true));
  const scores = data.sequences.flatMap((sequence) => sequence.scores.flat(2));
  if (scores.includes(0)) items.push(keyItem("not seen", theme.quiet, false));
  byId("keys").replaceChildren(...items);
  byId("legend").hidden = data.sequences.length === 0;
}

function keyItem(name, colour, full) {
  const [item, dot] = ["li", "canvas"].map((tag) => document.createElement(tag));
  if (colour) {
    Object.assign(dot, { width: 24, height: 24 });
    dot.style.width = "12px";
    const context = dot.getContext("2d");
    context.arc(12, 12, 8, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: full ? colour : theme.paper, strokeStyle: colour, lineWidth: 3 });
    context.fill();
    context.stroke();
    item.append(dot);
  }
  item.append(name);
  return item;
}

function setLayout(layout) {
  state.layout = layout;
  for (const name of ["overlay", "side"]) byId(`layout-${name}`).setAttribute("aria-pressed", String(name === layout));
  refreshLegend();
  redraw();
}

function setColour(colour) {
  state.colour = colour;
  byId("colour").value = colour;
  refreshLegend();
  redraw();
}

// ---- the pointer on the stage ----

const pointers = new Map(); // fingers or the mouse button that are down
let moved = 0;

function turnBy(dx, dy) {
  leaveCamera();
  state.orbit.yaw -= dx * 0.008;
  state.orbit.pitch = Math.max(-1.57, Math.min(1.57, state.orbit.pitch + dy * 0.008));
  redraw();
}

function panBy(dx, dy) {
  leaveCamera();
  const cell = stage.cells[0];
  const scale = state.orbit.distance / (1.5 * Math.min(cell.width, cell.height));
  const [right, down] = orbitView(state.orbit, [0, 0, 0], cell).rotation;
  state.orbit.pan = plus(plus(state.orbit.pan, right, -dx * scale), down, -dy * scale);
  redraw();
}

function zoomBy(factor) {
  leaveCamera();
  state.orbit.distance = Math.max(0.3, Math.min(200, state.orbit.distance * factor));
  redraw();
}

function setFollow(follow) {
  state.follow = follow;
  byId("follow").checked = follow;
  fit(false);
}

function spread() { // distance and middle of two fingers
  const [a, b] = [...pointers.values()];
  return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function onMove(event) {
  const own = pointers.get(event.pointerId);
  if (!own) {
    showTip(event.offsetX, event.offsetY);
    return;
  }
  const before = pointers.size === 2 ? spread() : null;
  const [dx, dy] = [event.offsetX - own.x, event.offsetY - own.y];
  Object.assign(own, { x: event.offsetX, y: event.offsetY });
  moved += Math.abs(dx) + Math.abs(dy);
  if (moved < 4) return; // a click may tremble
  if (before) {
    const after = spread();
    panBy(after.x - before.x, after.y - before.y);
    if (after.size > 0) zoomBy(before.size / after.size);
  } else if (event.shiftKey || (event.buttons & 6) !== 0) {
    panBy(dx, dy);
  } else {
    turnBy(dx, dy);
  }
}

function onUp(event) {
  if (!pointers.delete(event.pointerId) || moved >= 4 || event.type !== "pointerup") return;
  const target = stage.at(event.offsetX, event.offsetY, event.pointerType === "touch" ? 22 : 12);
  if (target && target.kind === "camera") chooseCamera(target.index);
  if (target && target.kind === "joint") {
    const { joints } = data.sequences[target.sequence].skeleton;
    setJoint(state.joint === joints[target.joint] ? "" : joints[target.joint]);
  }
  showTip(event.offsetX, event.offsetY);
}

function showTip(x, y) {
  const target = stage.at(x, y);
  const tip = byId("tip");
  byId("stage").style.cursor = target ? "pointer" : "";
  tip.hidden = !target;
  if (!target) return;
  tip.textContent = target.kind === "camera" ? `${data.cameras[target.index].name}\nclick: view from here` : jointText(target);
  const left = Math.max(4, Math.min(x + 16, stage.width - tip.offsetWidth - 4));
  tip.style.left = `${left}px`;
  tip.style.top = `${y + 20 + tip.offsetHeight > stage.height ? y - tip.offsetHeight - 12 : y + 20}px`;
}

function jointText({ sequence, person, joint }) {
  const own = data.sequences[sequence];
  const score = own.scores[state.frame][person][joint];
  const people = own.positions_mm[state.frame].length;
  const who = people > 1 ? `${own.label}, person ${person + 1}` : own.label;
  const seen = score > 0 ? `score ${score.toFixed(2)}` : "score 0: filled in, not seen";
  return `${own.skeleton.joints[joint].replaceAll("_", " ")}\n${who}\n${metres(own.positions_mm[state.frame][person][joint])}\n${seen}`;
}

function setJoint(joint) {
  state.joint = joint;
  byId("joint").value = joint;
  redraw();
}

// ---- wiring ----

const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  PageUp: () => step(-10),
  PageDown: () => step(10),
  Home: () => step(-FRAMES),
  End: () => step(FRAMES),
  " ": () => setPlaying(!state.playing),
  "+": () => zoomBy(1 / 1.15),
  "=": () => zoomBy(1 / 1.15),
  "-": () => zoomBy(1.15),
  p: () => fit(false),
  a: () => fit(true),
};
const SHIFT_KEYS = {
  ArrowLeft: () => turnBy(-15, 0),
  ArrowRight: () => turnBy(15, 0),
  ArrowUp: () => turnBy(0, -15),
  ArrowDown: () => turnBy(0, 15),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { tagName } = event.target;
  if (tagName === "SELECT" || tagName === "INPUT") return; // they have keys of their own
  if (event.key === " " && tagName === "BUTTON") return;
  const action = (event.shiftKey && SHIFT_KEYS[event.key]) || KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function wireControls() {
  const on = (id, type, action) => byId(id).addEventListener(type, action);
  on("play", "click", () => setPlaying(!state.playing));
  on("previous", "click", () => step(-1));
  on("next", "click", () => step(1));
  on("scrub", "input", () => step(Number(byId("scrub").value) - state.frame));
  on("frame", "input", () => step(Number(byId("frame").value) - state.frame));
  on("frame", "change", () => { byId("frame").value = state.frame; });
  on("speed", "change", () => { state.speed = Number(byId("speed").value); });
  on("colour", "change", () => setColour(byId("colour").value));
  on("joint", "change", () => setJoint(byId("joint").value));
  on("fit-people", "click", () => fit(false));
  if (byId("fit-all")) on("fit-all", "click", () => fit(true));
  on("follow", "change", () => setFollow(byId("follow").checked));
  on("layout-overlay", "click", () => setLayout("overlay"));
  on("layout-side", "click", () => setLayout("side"));
  on("view", "change", () => {
    const [kind, number] = byId("view").value.split("-");
    if (kind === "camera") chooseCamera(Number(number));
    else chooseView(Number(number));
  });
  const boxes = { "show-floor": "showFloor", "show-cameras": "showCameras", "show-bodies": "showBodies", "show-detected": "showDetected",
    "show-reprojected": "showReprojected" };
  for (const [id, name] of Object.entries(boxes)) {
    on(id, "change", () => {
      state[name] = byId(id).checked;
      redraw();
    });
  }
}

function wireStage() {
  const canvas = byId("stage");
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 0) moved = 0;
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    byId("tip").hidden = true;
  });
  canvas.addEventListener("pointermove", onMove);
  canvas.addEventListener("pointerup", onUp);
  canvas.addEventListener("pointercancel", onUp);
  canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(Math.max(-0.4, Math.min(0.4, event.deltaY * 0.0015))));
  }, { passive: false });
}

// #frame=20&camera=cam01&layout=side&colour=sequence&joint=left_wrist&bodies=0&yaw=40&pitch=10&zoom=1.5&follow=1&play=1
function readHash() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const number = (name) => (wanted.has(name) && Number.isFinite(Number(wanted.get(name))) ? Number(wanted.get(name)) : null);
  if (number("frame") !== null) goTo(number("frame"));
  for (const [name, set] of [["layout", setLayout], ["colour", setColour]]) {
    const value = wanted.get(name);
    if (["side", name === "layout" ? "overlay" : "sequence"].includes(value)) set(value);
  }
  if (wanted.has("bodies")) state.showBodies = byId("show-bodies").checked = wanted.get("bodies") !== "0";
  if (wanted.has("joint")) setJoint(wanted.get("joint"));
  if (wanted.get("follow") === "1") setFollow(true);
  if (number("yaw") !== null) state.orbit.yaw = (number("yaw") * Math.PI) / 180;
  if (number("pitch") !== null) state.orbit.pitch = (number("pitch") * Math.PI) / 180;
  if (number("zoom") > 0) state.orbit.distance = fittingDistance(data, false, state.follow) / number("zoom");
  const camera = data.cameras.findIndex((own) => own.name === wanted.get("camera"));
  if (camera >= 0) chooseCamera(camera);
  if (wanted.get("play") === "1") setPlaying(true);
  redraw();
}

function start() {
  byId("title").textContent = data.title;
  document.body.classList.toggle("no-stage", data.spaces.length === 0);
  document.body.classList.toggle("no-panels", panels.length === 0);
  byId("cameras-toggle").hidden = !data.spaces.some((space) => space.hasCameras);
  if (byId("cameras-toggle").hidden) byId("fit-all").remove();
  byId("bodies-toggle").hidden = data.bodies.length === 0;
  byId("detected-toggle").hidden = !data.keypointSkeleton;
  byId("reprojected-toggle").hidden = !data.cameras.some((camera) => camera.reprojected.some(Boolean));
  byId("scrub").max = byId("frame").max = FRAMES - 1;
  byId("panels").append(...panels.map((panel) => panel.box));
  fillViews();
  buildLegend();
  refreshLegend();
  chooseView(0);
  fit(true);
  wireControls();
  wireStage();
  readHash();
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", readHash);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    theme = readTheme();
    refreshLegend();
    redraw();
  });
  const resized = () => {
    stage.resize(); // which empties the canvas: draw at once
    if (data.spaces.length) stage.draw(theme);
    redraw();
  };
  new ResizeObserver(resized).observe(byId("stage"));
  if (panels.length) new ResizeObserver(redraw).observe(byId("panels"));
  resized();
}

start();
