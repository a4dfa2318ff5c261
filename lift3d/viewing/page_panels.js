"use strict";
// The panels: what each camera saw, and where the 3D joints fall in its picture. Pixel (0, 0) is the centre of the
// top-left pixel, so a picture reaches from -0.5 to its width - 0.5.

class Panel {
  constructor(camera, index, data, state, bodies, choose, redraw) {
    Object.assign(this, { camera, index, data, state, bodies, redraw, pictures: {} });
    this.box = document.createElement("section");
    this.box.className = "panel";
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.append(camera.name);
    if (camera.calibration) {
      const hint = document.createElement("span");
      hint.textContent = "view from here";
      this.button.append(hint);
      this.button.addEventListener("click", () => choose(index));
    } else {
      this.button.disabled = true;
    }
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `Picture of ${camera.name} with keypoints`);
    if (camera.calibration) this.canvas.addEventListener("click", () => choose(index));
    this.note = document.createElement("p");
    this.box.append(this.button, this.canvas, this.note);
    this.kept = Object.keys(camera.images).map(Number).sort((a, b) => a - b);
  }

  // The last kept picture at or before the frame; when it has been decoded, the page is drawn again.
  picture() {
    const kept = this.kept.filter((frame) => frame <= this.state.frame).pop();
    if (kept === undefined) return null;
    if (!this.pictures[kept]) {
      const image = new Image();
      image.addEventListener("load", this.redraw);
      image.src = `data:image/jpeg;base64,${this.camera.images[kept]}`;
      this.pictures[kept] = image;
    }
    const image = this.pictures[kept];
    if (image.complete && image.naturalWidth > 0) this.last = { image, kept };
    return this.last || null;
  }

  draw(theme) {
    const { camera, canvas, state } = this;
    const size = camera.size || [4, 3];
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth || 320;
    const scale = width / size[0];
    const height = Math.round(size[1] * scale);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    canvas.style.height = `${height}px`;
    this.context = canvas.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.theme = theme;
    this.place = ([u, v]) => [(u + 0.5) * scale, (v + 0.5) * scale];
    this.context.fillStyle = theme.paper;
    this.context.fillRect(0, 0, width, height);
    const picture = this.picture();
    if (picture) this.context.drawImage(picture.image, 0, 0, width, height);
    if (state.showBodies && camera.calibration) this.drawMeshes(width, height, scale);
    if (state.showReprojected) this.drawReprojected(Boolean(picture));
    if (state.showDetected) this.drawDetected(Boolean(picture));
    this.box.classList.toggle("chosen", state.view === this.index);
    this.note.textContent = this.describe(picture);
  }

  // The bodies of the rig's world over the picture, through the camera's lens.
  drawMeshes(width, height, scale) {
    const index = this.data.spaces.findIndex((space) => space.hasCameras);
    const own = this.bodies.at(this.state.frame).filter(({ space }) => space === index);
    if (!own.length) return;
    const { intrinsics: k, rotation, centre } = this.camera.calibration;
    const { upright } = this.data.spaces[index];
    const view = { rotation: rotation.map((row) => turn(upright, row)), eye: turn(upright, centre) };
    const toPixel = ([x, y, z]) => {
      const [u, v] = [(k[0][0] * x + k[0][1] * y) / z + k[0][2], (k[1][1] * y) / z + k[1][2]];
      return this.place(throughLens(this.camera.lens, u, v));
    };
    this.mesh = this.mesh || new MeshPicture();
    const place = { x: 0, y: 0, width, height, ratio: window.devicePixelRatio || 1, opacity: 0.7 };
    this.mesh.draw(this.context, own, view, toPixel, place);
  }

  describe(picture) {
    const parts = [this.camera.size ? `${this.camera.size[0]} × ${this.camera.size[1]} px` : "size not known"];
    if (picture && picture.kept !== this.state.frame) parts.push(`picture of frame ${picture.kept}`);
    const detected = this.camera.detected && this.camera.detected.pixels[this.state.frame];
    if (detected) {
      const seen = detected.flat().filter(Boolean).length;
      parts.push(`${seen} of ${detected.flat().length} joints detected`);
    }
    return parts.join(" · ");
  }

  drawDetected(onPicture) {
    const { detected } = this.camera;
    const people = (detected && detected.pixels[this.state.frame]) || [];
    const skeleton = this.data.keypointSkeleton;
    for (const person of people) {
      const colour = (side) => this.theme[side];
      this.drawBones(person, skeleton, colour, onPicture, 2.4, []);
      person.forEach((pixel, joint) => {
        if (!pixel) return;
        const chosen = skeleton.joints[joint] === this.state.joint;
        this.dot(this.place(pixel), chosen ? 5.5 : 3, this.theme[skeleton.sides[joint]], chosen);
      });
    }
  }

  // Thin lines with crosses, in the dashes or colours that the legend shows; dark over detections of the same colours.
  drawReprojected(onPicture) {
    this.camera.reprojected.forEach((frames, i) => {
      if (!frames || !this.state.visible[i]) return;
      const { skeleton } = this.data.sequences[i];
      const byside = this.state.colour === "side";
      const colour = (side) => (byside && this.camera.detected ? this.theme.text : partColour(i, side, this.theme, byside));
      for (const person of frames[this.state.frame] || []) {
        this.drawBones(person, skeleton, colour, onPicture, 1.2, byside ? DASHES[i % DASHES.length] : []);
        person.forEach((pixel, joint) => pixel && this.cross(this.place(pixel), colour(skeleton.sides[joint])));
      }
    });
  }

  drawBones(person, skeleton, colour, onPicture, width, dash) {
    const { context } = this;
    for (const edge of skeleton.edges) {
      const [a, b] = edge.map((joint) => person[joint]);
      if (!a || !b) continue;
      context.beginPath();
      context.moveTo(...this.place(a));
      context.lineTo(...this.place(b));
      if (onPicture) { // an edge, to be seen on any picture
        context.strokeStyle = this.theme.paper;
        context.lineWidth = width + 1.6;
        context.stroke();
      }
      context.setLineDash(dash);
      context.strokeStyle = colour(edgeSide(skeleton, edge));
      context.lineWidth = width;
      context.stroke();
      context.setLineDash([]);
    }
  }

  dot([x, y], radius, colour, chosen) {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    context.strokeStyle = chosen ? this.theme.text : this.theme.paper;
    context.lineWidth = chosen ? 2 : 0.8;
    context.stroke();
  }

  cross([x, y], colour) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = 1.1;
    context.beginPath();
    for (const [dx, dy] of [[2.6, 2.6], [2.6, -2.6]]) {
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
    }
    context.stroke();
  }
}
