"use strict";
// Bodies: posed and skinned here, drawn into a picture with a depth for each pixel. No graphics card is needed.

const LIGHT = [-0.35, -0.45, -0.82]; // towards the light, in the view's axes x right, y down, z forward: behind the eye
const BODY_COLOUR = [222, 190, 168];

function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Kind(bytes.buffer);
}

function rotationMatrix(x, y, z) { // of a rotation vector, row by row (Rodrigues)
  const angle = Math.hypot(x, y, z);
  if (angle < 1e-9) return [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const [a, b, c] = [x / angle, y / angle, z / angle];
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const rest = 1 - cosine;
  return [
    cosine + a * a * rest, a * b * rest - c * sine, a * c * rest + b * sine,
    a * b * rest + c * sine, cosine + b * b * rest, b * c * rest - a * sine,
    a * c * rest - b * sine, b * c * rest + a * sine, cosine + c * c * rest,
  ];
}

function product(a, b) {
  const out = new Array(9);
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) out[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
  }
  return out;
}

function times(matrix, x, y, z) {
  return [0, 3, 6].map((row) => matrix[row] * x + matrix[row + 1] * y + matrix[row + 2] * z);
}

// For each frame the row of a person's numbers, -1 where the person is missing.
function rowsOf(there) {
  let row = -1;
  return there.map((here) => (here ? (row += 1) : -1));
}

// The people of a page's bodies, and their meshes at the frame that was asked for last.
class Bodies {
  constructor(data) {
    this.data = data;
    this.groups = data.bodies.map((group) => {
      const people = group.people.map((person) => ({
        rest: unpack(person.rest, Int16Array),
        offsets: person.offsets,
        rotations: unpack(person.rotations, Int16Array),
        places: unpack(person.places, Int32Array),
        row: rowsOf(person.there),
      }));
      return {
        space: group.space,
        parents: group.parents,
        faces: unpack(group.faces, group.wide ? Uint32Array : Uint16Array),
        joints: unpack(group.joints, Uint8Array),
        weights: unpack(group.weights, Uint8Array),
        people,
      };
    });
  }

  // Meshes of all people at a frame, in the upright frame, metres: {space, faces, vertices}.
  at(frame) {
    if (this.frame !== frame) {
      this.frame = frame;
      this.meshes = this.groups.flatMap((group) => group.people
        .filter((person) => person.row[frame] >= 0)
        .map((person) => ({ space: group.space, faces: group.faces, vertices: this.posed(group, person, frame) })));
    }
    return this.meshes;
  }

  posed(group, person, frame) {
    const { upright } = this.data.spaces[group.space];
    const turned = upright.flat();
    const row = person.row[frame];
    const [moves, count] = [[], group.parents.length];
    const [orientations, places, rests] = [[], [], []];
    for (let joint = 0; joint < count; joint += 1) {
      const parent = group.parents[joint];
      const at = 3 * (row * count + joint);
      const own = rotationMatrix(...[0, 1, 2].map((axis) => (person.rotations[at + axis] * Math.PI) / 32767));
      const offset = person.offsets[joint];
      if (parent < 0) {
        const place = [0, 1, 2].map((axis) => person.places[3 * row + axis] / 1e4);
        orientations.push(product(turned, own));
        places.push(times(turned, ...place));
        rests.push(offset);
      } else {
        orientations.push(product(orientations[parent], own));
        places.push(plus(places[parent], times(orientations[parent], ...offset)));
        rests.push(plus(rests[parent], offset));
      }
      moves.push(plus(places[joint], times(orientations[joint], ...rests[joint]), -1));
    }
    return skinned(group, person.rest, orientations, moves);
  }
}

function skinned(group, rest, orientations, moves) {
  const count = rest.length / 3;
  const vertices = new Float32Array(rest.length);
  for (let vertex = 0; vertex < count; vertex += 1) {
    const x = rest[3 * vertex] / 1e4;
    const y = rest[3 * vertex + 1] / 1e4;
    const z = rest[3 * vertex + 2] / 1e4;
    let a = 0;
    let b = 0;
    let c = 0;
    for (let i = 4 * vertex; i < 4 * vertex + 4 && group.weights[i] > 0; i += 1) {
      const share = group.weights[i] / 255;
      const turn = orientations[group.joints[i]];
      const move = moves[group.joints[i]];
      a += share * (turn[0] * x + turn[1] * y + turn[2] * z + move[0]);
      b += share * (turn[3] * x + turn[4] * y + turn[5] * z + move[1]);
      c += share * (turn[6] * x + turn[7] * y + turn[8] * z + move[2]);
    }
    vertices[3 * vertex] = a;
    vertices[3 * vertex + 1] = b;
    vertices[3 * vertex + 2] = c;
  }
  return vertices;
}

// A picture of meshes, with the nearest surface at each pixel; kept and drawn onto a canvas with some transparency.
class MeshPicture {
  constructor() {
    this.canvas = document.createElement("canvas");
  }

  // toPixel(eyePoint) -> [x, y] in the unit of the context's own pixels, width and height in the same.
  draw(context, meshes, view, toPixel, { x, y, width, height, ratio, opacity }) {
    const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.canvas.width !== w || this.canvas.height !== h || !this.depth) {
      Object.assign(this.canvas, { width: w, height: h });
      this.depth = new Float32Array(w * h);
      this.image = new ImageData(w, h);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.depth.fill(0);
    this.pixels.fill(0);
    for (const mesh of meshes) this.mesh(mesh, view, toPixel, x, y, ratio);
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
    context.save();
    context.globalAlpha = opacity;
    context.drawImage(this.canvas, x, y, width, height);
    context.restore();
  }

  mesh({ faces, vertices }, view, toPixel, left, top, ratio) {
    const count = vertices.length / 3;
    const [own, screen] = [new Float32Array(3 * count), new Float32Array(2 * count)];
    const [[r0, r1, r2], [r3, r4, r5], [r6, r7, r8]] = view.rotation;
    const [ex, ey, ez] = view.eye;
    const point = [0, 0, 0];
    for (let i = 0; i < count; i += 1) {
      const x = vertices[3 * i] - ex;
      const y = vertices[3 * i + 1] - ey;
      const z = vertices[3 * i + 2] - ez;
      own[3 * i] = point[0] = r0 * x + r1 * y + r2 * z;
      own[3 * i + 1] = point[1] = r3 * x + r4 * y + r5 * z;
      own[3 * i + 2] = point[2] = r6 * x + r7 * y + r8 * z;
      if (point[2] < NEAR) continue;
      const pixel = toPixel(point);
      screen[2 * i] = (pixel[0] - left) * ratio;
      screen[2 * i + 1] = (pixel[1] - top) * ratio;
    }
    for (let f = 0; f < faces.length; f += 3) this.triangle(3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2], own, screen);
  }

  // Flat shading of the triangle whose corners stand at a, b and c of `own`; what faces away is hidden, as the surface is closed.
  triangle(a, b, c, own, screen) {
    const za = own[a + 2];
    const zb = own[b + 2];
    const zc = own[c + 2];
    if (za < NEAR || zb < NEAR || zc < NEAR) return;
    const ax = screen[(2 * a) / 3];
    const ay = screen[(2 * a) / 3 + 1];
    const bx = screen[(2 * b) / 3];
    const by = screen[(2 * b) / 3 + 1];
    const cx = screen[(2 * c) / 3];
    const cy = screen[(2 * c) / 3 + 1];
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (!(area < 0)) return; // counter-clockwise from outside, in a picture whose y points down
    const { width, height } = this.canvas;
    const x0 = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
    const x1 = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
    const y0 = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
    const y1 = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
    if (x0 > x1 || y0 > y1) return;
    const colour = shade(a, b, c, own);
    // Shares of the corners and one over the depth are linear in the picture: from pixel to pixel they are only added to.
    const [ia, ib, ic] = [1 / za, 1 / zb, 1 / zc];
    const stepA = (by - cy) / area;
    const stepB = (cy - ay) / area;
    const stepNear = stepA * ia + stepB * ib - (stepA + stepB) * ic;
    for (let py = y0; py <= y1; py += 1) {
      const [sx, sy] = [x0 + 0.5, py + 0.5];
      let wa = ((bx - sx) * (cy - sy) - (by - sy) * (cx - sx)) / area;
      let wb = ((cx - sx) * (ay - sy) - (cy - sy) * (ax - sx)) / area;
      let near = wa * ia + wb * ib + (1 - wa - wb) * ic;
      for (let at = py * width + x0; at <= py * width + x1; at += 1) {
        if (wa >= 0 && wb >= 0 && wa + wb <= 1 && near > this.depth[at]) {
          this.depth[at] = near;
          this.pixels[at] = colour;
        }
        wa += stepA;
        wb += stepB;
        near += stepNear;
      }
    }
  }
}

function shade(a, b, c, own) {
  const px = own[b] - own[a];
  const py = own[b + 1] - own[a + 1];
  const pz = own[b + 2] - own[a + 2];
  const qx = own[c] - own[a];
  const qy = own[c + 1] - own[a + 1];
  const qz = own[c + 2] - own[a + 2];
  const x = py * qz - pz * qy;
  const y = pz * qx - px * qz;
  const z = px * qy - py * qx;
  const towards = (x * LIGHT[0] + y * LIGHT[1] + z * LIGHT[2]) / (Math.sqrt(x * x + y * y + z * z) || 1);
  const light = 0.38 + 0.62 * Math.max(0, towards);
  const red = Math.round(BODY_COLOUR[0] * light);
  const green = Math.round(BODY_COLOUR[1] * light);
  const blue = Math.round(BODY_COLOUR[2] * light);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little-endian, as every browser's machine is
}

// Where a lens puts a pinhole's pixel: the offsets of a grid, interpolated.
function throughLens(grid, u, v) {
  if (!grid) return [u, v];
  const last = grid.cells - 1e-6;
  const x = Math.max(0, Math.min(last, (u - grid.low[0]) / grid.step[0]));
  const y = Math.max(0, Math.min(last, (v - grid.low[1]) / grid.step[1]));
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const [s, t] = [x - i, y - j];
  const at = (row, column) => grid.moved[row * (grid.cells + 1) + column];
  const mixed = (axis) => (1 - t) * ((1 - s) * at(j, i)[axis] + s * at(j, i + 1)[axis])
    + t * ((1 - s) * at(j + 1, i)[axis] + s * at(j + 1, i + 1)[axis]);
  return [u + mixed(0), v + mixed(1)];
}
