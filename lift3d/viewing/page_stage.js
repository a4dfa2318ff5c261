"use strict";
// The 3D view: cells with floor, cameras and skeletons; and what is under the pointer.

const SEQUENCE_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]; // Okabe and Ito
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const names = ["paper", "card", "line", "text", "quiet", "accent", "left", "right", "middle", "grid", "camera",
    "shadow", "axis-x", "axis-y", "axis-z"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function mix(hex, other, share) {
  const part = (colour, i) => parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16);
  const sum = (i) => Math.round(part(hex, i) * (1 - share) + part(other, i) * share);
  return `rgb(${sum(0)}, ${sum(1)}, ${sum(2)})`;
}

function sequenceColour(index) {
  return SEQUENCE_COLOURS[index % SEQUENCE_COLOURS.length];
}

// Colour of a joint or bone; in colours by sequence, the left side is lighter and the right side darker.
function partColour(sequence, side, theme, byside) {
  if (byside) return theme[side];
  const own = sequenceColour(sequence);
  if (side === "left") return mix(own, "#ffffff", 0.38);
  return side === "right" ? mix(own, "#000000", 0.28) : own;
}

function edgeSide(skeleton, edge) {
  const [a, b] = edge.map((joint) => skeleton.sides[joint]);
  if (a === b) return a;
  if (a === "middle") return b; // the bone from the trunk to a limb belongs to the limb
  return b === "middle" ? a : "middle";
}

// The cells of the stage: one a space when overlaid, one a visible sequence side by side.
function stageCells(data, state, width, height) {
  const shown = data.sequences.map((_, i) => i).filter((i) => state.visible[i]);
  let cells;
  if (state.layout === "side" && shown.length > 0) {
    cells = shown.map((i) => ({ space: data.sequences[i].space, sequences: [i], title: data.sequences[i].label }));
  } else {
    cells = data.spaces.map((space, s) => ({
      space: s,
      sequences: shown.filter((i) => data.sequences[i].space === s),
      title: data.spaces.length > 1 ? spaceTitle(space) : "",
    }));
    if (cells.length > 1) cells = cells.filter((cell) => cell.sequences.length > 0 || data.spaces[cell.space].hasCameras);
  }
  const columns = Math.max(1, Math.min(cells.length, Math.round(Math.sqrt((cells.length * width) / height / 0.8))));
  const rows = Math.ceil(cells.length / columns);
  return cells.map((cell, i) => ({
    ...cell,
    x: (i % columns) * (width / columns),
    y: Math.floor(i / columns) * (height / rows),
    width: width / columns,
    height: height / rows,
  }));
}

function spaceTitle(space) {
  if (space.frame === "world") return `world, ${space.up} up`;
  return space.frame === "camera" ? "in the camera's frame" : "relative to the root";
}

function spaceTarget(space) {
  return [0, 1].map((i) => (space.low[i] + space.high[i]) / 2).concat((space.floor + space.high[2]) / 2);
}

function spaceRadius(space) {
  const sides = [0, 1, 2].map((i) => space.high[i] - space.low[i]);
  return Math.max(0.8, Math.hypot(...sides) / 2);
}

// Distance from which all people fit, or all people and the cameras around them.
function fittingDistance(data, withCameras, following) {
  const distances = data.spaces.map((space) => {
    const target = spaceTarget(space);
    const cameras = space.hasCameras && withCameras ? data.cameras.filter((camera) => camera.calibration) : [];
    const reach = cameras.map((camera) => {
      const own = plus(turn(space.upright, camera.calibration.centre), target, -1);
      return 1.15 * Math.hypot(...own);
    });
    const people = following ? 1.2 : 1.25 * spaceRadius(space);
    return 2.75 * Math.max(people, Math.min(Math.max(0, ...reach), 6 * people)); // not for a stray camera
  });
  return Math.max(2, ...distances);
}

class Stage {
  constructor(canvas, data, state, bodies) {
    Object.assign(this, { canvas, data, state, bodies, context: canvas.getContext("2d"), meshes: [] });
    this.targets = []; // what the pointer can meet: {kind, x, y, ...}
    this.cells = [];
    // Positions in the upright frame, metres, by sequence, frame, person and joint.
    this.points = data.sequences.map((sequence) => {
      const upright = data.spaces[sequence.space].upright;
      const place = (point) => point && turn(upright, point).map((value) => value / 1000);
      return sequence.positions_mm.map((frame) => frame && frame.map((person) => person.map(place)));
    });
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  draw(theme) {
    const { context } = this;
    if (!this.width || !this.height) return; // a notebook's frame that is not laid out yet
    this.theme = theme;
    this.targets = [];
    context.clearRect(0, 0, this.width, this.height);
    this.cells = stageCells(this.data, this.state, this.width, this.height);
    for (const cell of this.cells) this.drawCell(cell);
    context.strokeStyle = theme.line;
    context.lineWidth = 1;
    for (const cell of this.cells) {
      if (cell.x > 0) this.line([cell.x, cell.y], [cell.x, cell.y + cell.height]);
      if (cell.y > 0) this.line([cell.x, cell.y], [cell.x + cell.width, cell.y]);
    }
  }

  drawCell(cell) {
    const { context, state, data } = this;
    const space = data.spaces[cell.space];
    const camera = state.view !== "orbit" && space.hasCameras ? data.cameras[state.view] : null;
    const target = (state.follow && this.peopleTarget(cell, space)) || spaceTarget(space);
    const view = camera ? cameraView(camera, space, cell) : orbitView(state.orbit, target, cell);
    cell.view = view;
    context.save();
    context.beginPath();
    context.rect(cell.x, cell.y, cell.width, cell.height);
    context.clip();
    context.lineCap = "round";
    if (camera) this.drawPicture(view.picture);
    if (state.showFloor) this.drawFloor(space, view);
    for (const i of cell.sequences) if (state.showFloor) this.drawShadow(i, space, view);
    this.drawAxes([0, 0, 0], 0.4, space, view);
    if (state.joint) for (const i of cell.sequences) this.drawTrail(i, view);
    if (state.showBodies) this.drawMeshes(cell, view);
    this.drawSkeletons(cell, space, view);
    if (!camera) this.drawCompass(cell, space, view);
    if (cell.title) this.drawTitle(cell);
    context.restore();
  }

  // Where a cell's people are at this frame, at half their usual height; null where there are none.
  peopleTarget(cell, space) {
    const joints = cell.sequences.flatMap((i) => (this.points[i][this.state.frame] || []).flat().filter(Boolean));
    if (!joints.length) return null;
    const mean = (axis) => joints.reduce((sum, joint) => sum + joint[axis], 0) / joints.length;
    return [mean(0), mean(1), spaceTarget(space)[2]];
  }

  drawTitle(cell) {
    this.context.font = "600 14px system-ui, sans-serif";
    this.context.fillStyle = this.theme.text;
    this.context.textAlign = "center";
    this.context.fillText(cell.title, cell.x + cell.width / 2, cell.y + cell.height - 14, cell.width - 20);
  }

  // The edge of a camera's picture, all that it sees.
  drawPicture(picture) {
    this.context.fillStyle = this.theme.card;
    this.context.fillRect(picture.x, picture.y, picture.width, picture.height);
    this.context.strokeStyle = this.theme.camera;
    this.context.lineWidth = 1.5;
    this.context.strokeRect(picture.x, picture.y, picture.width, picture.height);
  }

  drawFloor(space, view) {
    const size = Math.max(2, 1.5 * spaceRadius(space));
    const step = size > 12 ? 2 : size > 5 ? 1 : 0.5;
    const [x, y] = spaceTarget(space).map((value) => Math.round(value / step) * step);
    const reach = Math.ceil(size / step) * step;
    const { context } = this;
    context.strokeStyle = this.theme.grid;
    for (let offset = -reach; offset <= reach + 1e-9; offset += step) {
      context.lineWidth = Math.abs(offset) === reach ? 1.4 : 0.8;
      this.segment(view, [x + offset, y - reach, space.floor], [x + offset, y + reach, space.floor]);
      this.segment(view, [x - reach, y + offset, space.floor], [x + reach, y + offset, space.floor]);
    }
    const corner = project(view, [x + reach, y - reach, space.floor]);
    if (corner) this.label(`${step} m grid`, corner.x + 4, corner.y + 14, this.theme.quiet);
  }

  // What a light straight above would cast: it shows where the feet are.
  drawShadow(i, space, view) {
    const people = this.points[i][this.state.frame] || [];
    const { context } = this;
    context.strokeStyle = this.theme.shadow;
    for (const person of people) {
      for (const [a, b] of this.data.sequences[i].skeleton.edges) {
        if (!person[a] || !person[b]) continue;
        const flat = [a, b].map((joint) => [person[joint][0], person[joint][1], space.floor]);
        const middle = project(view, flat[0]);
        context.lineWidth = middle ? Math.max(1, Math.min(8, (0.035 * view.focal[0]) / middle.depth)) : 1;
        this.segment(view, ...flat);
      }
    }
  }

  drawAxes(origin, length, space, view) {
    ["x", "y", "z"].forEach((name, i) => {
      const own = [0, 0, 0];
      own[i] = length;
      const end = plus(origin, turn(space.upright, own));
      this.context.strokeStyle = this.theme[`axis-${name}`];
      this.context.lineWidth = 2;
      this.segment(view, origin, end);
      const tip = project(view, plus(origin, turn(space.upright, own), 1.12));
      if (tip) this.label(name, tip.x - 3, tip.y + 4, this.theme[`axis-${name}`]);
    });
  }

  // The directions of the axes, in the lower left corner.
  drawCompass(cell, space, view) {
    const [x, y] = [cell.x + 38, cell.y + cell.height - 38];
    ["x", "y", "z"].forEach((name, i) => {
      const own = [0, 0, 0];
      own[i] = 1;
      const [dx, dy] = turn(view.rotation, turn(space.upright, own));
      const colour = this.theme[`axis-${name}`];
      this.context.strokeStyle = colour;
      this.context.lineWidth = 2;
      this.line([x, y], [x + 22 * dx, y + 22 * dy]);
      this.label(name, x + 30 * dx - 3, y + 30 * dy + 4, colour);
    });
  }

  // The path of the chosen joint over the last frames.
  drawTrail(i, view) {
    const sequence = this.data.sequences[i];
    const joint = sequence.skeleton.joints.indexOf(this.state.joint);
    if (joint < 0) return;
    this.context.strokeStyle = partColour(i, sequence.skeleton.sides[joint], this.theme, this.state.colour === "side");
    this.context.lineWidth = 1.2;
    const first = Math.max(1, this.state.frame - 45);
    for (let frame = first; frame <= this.state.frame; frame += 1) {
      const [before, now] = [this.points[i][frame - 1] || [], this.points[i][frame] || []];
      now.forEach((person, p) => {
        if (person[joint] && before[p] && before[p][joint]) this.segment(view, before[p][joint], person[joint]);
      });
    }
  }

  // The bodies that are in the cell's space, below the skeletons; each cell has a picture of its own.
  drawMeshes(cell, view) {
    const own = this.bodies.at(this.state.frame).filter(({ space }) => space === cell.space);
    if (!own.length) return;
    const index = this.cells.indexOf(cell);
    if (!this.meshes[index]) this.meshes[index] = new MeshPicture();
    const { x, y, width, height } = cell;
    const place = { x, y, width, height, ratio: window.devicePixelRatio || 1, opacity: 0.88 };
    this.meshes[index].draw(this.context, own, view, (point) => onScreen(view, point), place);
  }

  // Cameras, bones and joints from far to near.
  drawSkeletons(cell, space, view) {
    const strokes = [];
    if (space.hasCameras && this.state.showCameras) this.collectCameras(space, view, strokes);
    for (const i of cell.sequences) this.collectSkeleton(i, view, strokes);
    strokes.sort((a, b) => b.depth - a.depth);
    for (const stroke of strokes) stroke.draw();
  }

  collectCameras(space, view, strokes) {
    const depth = Math.min(0.45, Math.max(0.2, 0.18 * spaceRadius(space)));
    this.data.cameras.forEach((camera, index) => {
      if (!camera.calibration || index === this.state.view) return;
      const centre = turn(space.upright, camera.calibration.centre);
      const corners = frustumCorners(camera, space, depth);
      const place = project(view, centre);
      if (!place) return;
      const lines = corners.flatMap((corner, i) => [[centre, corner], [corner, corners[(i + 1) % 4]]])
        .map(([from, to]) => projectSegment(view, from, to)).filter(Boolean);
      const middle = project(view, corners.reduce((sum, corner) => plus(sum, corner, 0.25), [0, 0, 0]));
      if (middle) this.targets.push({ kind: "camera", index, lines, x: middle.x, y: middle.y, depth: place.depth });
      strokes.push({ depth: place.depth, draw: () => this.drawCamera(camera, place, lines, corners, view) });
    });
  }

  drawCamera(camera, place, lines, corners, view) {
    const { context } = this;
    const ends = corners.map((corner) => project(view, corner));
    if (ends.every(Boolean)) {
      context.fillStyle = this.theme.camera;
      context.globalAlpha = 0.14;
      context.beginPath();
      ends.forEach((end, i) => (i ? context.lineTo(end.x, end.y) : context.moveTo(end.x, end.y)));
      context.fill();
      context.globalAlpha = 1;
    }
    context.strokeStyle = this.theme.camera;
    context.lineWidth = 1.6;
    for (const { from, to } of lines) this.line(from, to);
    const highest = Math.min(place.y, ...ends.filter(Boolean).map((end) => end.y));
    this.label(camera.name, place.x, highest - 7, this.theme.camera, "center");
  }

  collectSkeleton(i, view, strokes) {
    const sequence = this.data.sequences[i];
    const people = this.points[i][this.state.frame] || [];
    const scores = sequence.scores[this.state.frame] || [];
    const byside = this.state.colour === "side";
    const dash = byside && this.state.layout === "overlay" ? DASHES[i % DASHES.length] : [];
    people.forEach((person, p) => {
      for (const edge of sequence.skeleton.edges) {
        const [a, b] = edge;
        if (!person[a] || !person[b]) continue;
        const segment = projectSegment(view, person[a], person[b]);
        if (!segment) continue;
        const seen = scores[p][a] > 0 && scores[p][b] > 0;
        const colour = partColour(i, edgeSide(sequence.skeleton, edge), this.theme, byside);
        strokes.push({ depth: segment.depth, draw: () => this.drawBone(segment, colour, seen, dash, view) });
      }
      person.forEach((point, joint) => {
        const place = point && project(view, point);
        if (!place) return;
        const colour = partColour(i, sequence.skeleton.sides[joint], this.theme, byside);
        const own = { kind: "joint", sequence: i, person: p, joint, ...place };
        this.targets.push(own);
        strokes.push({ depth: place.depth - 0.15, draw: () => this.drawJoint(own, colour, scores[p][joint] > 0, view) });
      });
    });
  }

  drawBone(segment, colour, seen, dash, view) {
    const { context } = this;
    const width = Math.max(2, Math.min(7, (0.028 * view.focal[0]) / segment.depth));
    context.strokeStyle = this.theme.paper; // an edge, so that crossing limbs stay apart
    context.lineWidth = width + 2.5;
    context.lineCap = "butt";
    if (!dash.length) this.line(segment.from, segment.to);
    context.lineCap = dash.length ? "butt" : "round";
    context.setLineDash(dash.map((length) => (length * width) / 3));
    context.globalAlpha = seen ? 1 : 0.4;
    context.strokeStyle = colour;
    context.lineWidth = width;
    this.line(segment.from, segment.to);
    context.setLineDash([]);
    context.globalAlpha = 1;
    context.lineCap = "round";
  }

  drawJoint(place, colour, seen, view) {
    const { context, state } = this;
    const chosen = this.data.sequences[place.sequence].skeleton.joints[place.joint] === state.joint;
    const radius = Math.max(2.4, Math.min(7, (0.024 * view.focal[0]) / place.depth)) * (chosen ? 1.5 : 1);
    context.beginPath();
    context.arc(place.x, place.y, radius, 0, 2 * Math.PI);
    context.fillStyle = seen ? colour : this.theme.paper;
    context.fill();
    context.strokeStyle = seen ? this.theme.paper : colour;
    if (chosen) context.strokeStyle = this.theme.text;
    context.lineWidth = chosen ? 2 : seen ? 1 : 1.4;
    context.stroke();
  }

  segment(view, from, to) {
    const own = projectSegment(view, from, to);
    if (own) this.line(own.from, own.to);
  }

  line(from, to) {
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(...to);
    this.context.stroke();
  }

  label(text, x, y, colour, align = "left") {
    const { context } = this;
    context.font = "12px system-ui, sans-serif";
    context.textAlign = align;
    context.lineJoin = "round";
    context.strokeStyle = this.theme.paper;
    context.lineWidth = 3;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  // The joint under a point of the stage, or else the camera there, or null.
  at(x, y, reach = 12) {
    const joints = this.targets.filter((own) => own.kind === "joint" && Math.hypot(own.x - x, own.y - y) < reach);
    if (joints.length) return joints.reduce((best, own) => (nearer(own, best, x, y) ? own : best));
    const near = ({ lines }) => lines.some(({ from, to }) => distanceToSegment(x, y, from, to) < 8);
    const cameras = this.targets.filter((own) => own.kind === "camera" && (Math.hypot(own.x - x, own.y - y) < 16 || near(own)));
    return cameras.length ? cameras.reduce((best, own) => (own.depth < best.depth ? own : best)) : null;
  }
}

function nearer(own, best, x, y) {
  return Math.hypot(own.x - x, own.y - y) < Math.hypot(best.x - x, best.y - y);
}
