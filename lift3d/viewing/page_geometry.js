"use strict";
// Geometry of the page. Points are drawn in an upright frame: right-handed, z up, metres.
// A view maps them to the screen: camera axes are x right, y down, z forward, as everywhere in lift3d.

const NEAR = 0.05; // metres; what is closer to the eye is cut off

function turn(matrix, point) {
  return matrix.map((row) => row[0] * point[0] + row[1] * point[1] + row[2] * point[2]);
}

function turnBack(matrix, point) { // by the transpose
  return [0, 1, 2].map((i) => matrix[0][i] * point[0] + matrix[1][i] * point[1] + matrix[2][i] * point[2]);
}

function plus(a, b, factor = 1) {
  return [a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]];
}

function between(a, b, share) {
  return [0, 1, 2].map((i) => a[i] + share * (b[i] - a[i]));
}

// The eye circles around a target: yaw about the vertical, pitch above the horizon, radians.
function orbitView(orbit, target, cell) {
  const [cy, sy, cp, sp] = [Math.cos(orbit.yaw), Math.sin(orbit.yaw), Math.cos(orbit.pitch), Math.sin(orbit.pitch)];
  const forward = [-sy * cp, cy * cp, -sp];
  const right = [cy, sy, 0];
  const down = [-sy * sp, cy * sp, cp].map((value) => -value);
  const middle = plus(target, orbit.pan);
  const focal = 1.5 * Math.min(cell.width, cell.height);
  return {
    rotation: [right, down, forward],
    eye: plus(middle, forward, -orbit.distance),
    focal: [focal, focal],
    skew: 0,
    centre: [cell.x + cell.width / 2, cell.y + cell.height / 2],
  };
}

// The view through a calibrated camera (as a pinhole), its picture as large as the cell allows.
function cameraView(camera, space, cell) {
  const { intrinsics, rotation, centre } = camera.calibration;
  const picture = pictureRectangle(camera, cell);
  return {
    rotation: rotation.map((row) => turn(space.upright, row)), // R upright^T, row by row
    eye: turn(space.upright, centre),
    focal: [intrinsics[0][0] * picture.scale, intrinsics[1][1] * picture.scale],
    skew: intrinsics[0][1] * picture.scale,
    centre: [picture.x + (intrinsics[0][2] + 0.5) * picture.scale, picture.y + (intrinsics[1][2] + 0.5) * picture.scale],
    picture,
  };
}

function pictureRectangle(camera, cell) {
  const scale = 0.94 * Math.min(cell.width / camera.size[0], cell.height / camera.size[1]);
  const [width, height] = [camera.size[0] * scale, camera.size[1] * scale];
  return { scale, width, height, x: cell.x + (cell.width - width) / 2, y: cell.y + (cell.height - height) / 2 };
}

function toEye(view, point) {
  return turn(view.rotation, plus(point, view.eye, -1));
}

function onScreen(view, eyePoint) {
  const [x, y, z] = eyePoint;
  return [view.centre[0] + (view.focal[0] * x + view.skew * y) / z, view.centre[1] + (view.focal[1] * y) / z];
}

// A point on the screen with its depth, or null behind the eye.
function project(view, point) {
  const own = toEye(view, point);
  if (own[2] < NEAR) return null;
  const [x, y] = onScreen(view, own);
  return { x, y, depth: own[2] };
}

// A segment on the screen, cut at the near plane; null where nothing of it is in front.
function projectSegment(view, from, to) {
  let [a, b] = [toEye(view, from), toEye(view, to)];
  if (a[2] < NEAR && b[2] < NEAR) return null;
  if (a[2] < NEAR) a = between(b, a, (b[2] - NEAR) / (b[2] - a[2]));
  else if (b[2] < NEAR) b = between(a, b, (a[2] - NEAR) / (a[2] - b[2]));
  return { from: onScreen(view, a), to: onScreen(view, b), depth: (a[2] + b[2]) / 2 };
}

// Corners of a camera's picture, at a depth in front of it, in the upright frame.
function frustumCorners(camera, space, depth) {
  const { intrinsics: k, rotation, centre } = camera.calibration;
  const [width, height] = camera.size;
  const corners = [[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]];
  return corners.map(([u, v]) => {
    const y = (v - k[1][2]) / k[1][1];
    const x = (u - k[0][2] - k[0][1] * y) / k[0][0];
    const world = plus(centre, turnBack(rotation, [x * depth, y * depth, depth]));
    return turn(space.upright, world);
  });
}

function distanceToSegment(x, y, from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = dx * dx + dy * dy || 1;
  const share = Math.max(0, Math.min(1, ((x - from[0]) * dx + (y - from[1]) * dy) / length));
  return Math.hypot(x - from[0] - share * dx, y - from[1] - share * dy);
}
