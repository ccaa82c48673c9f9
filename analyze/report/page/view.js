// SPDX-License-Identifier: MIT
// A graph on a canvas that is as large as what is seen of it: it scrolls by itself, since stacks
// can be deeper than canvases. Mouse, touch and keyboard; what is selected is also told as text.
const ROW = 18, LEAST_PX = 0.5;
// The flame graph's colours (flame_colour.c): base and span of red, green, blue.
const FILLS = [
	[[219, 134, 37], [25, 45, 40]], [[86, 191, 134], [30, 25, 25]], [[170, 150, 216], [30, 25, 20]],
	[[120, 120, 120], [0, 0, 0]], [[235, 232, 222], [0, 0, 0]], [[235, 232, 222], [0, 0, 0]],
];
const MATCH = "#cc10dc";

function hash(name) {
	let h = 2166136261;
	for (let i = 0; i < name.length; i++)
		h = Math.imul(h ^ name.charCodeAt(i), 16777619) >>> 0;
	return h;
}

// Red is worse than the run, blue better; two octaves to either side.
function ratioFill(metric, value, middle) {
	const octaves = value > 0 ? Math.log2(value / middle) : -2;
	const good = Math.max(-1, Math.min(1, octaves / 2)) * (metric.low ? 1 : -1);
	const same = [252, 240, 185], end = good < 0 ? [215, 48, 39] : [69, 117, 180];
	return `rgb(${same.map((s, i) => Math.round(s + (end[i] - s) * Math.abs(good)))})`;
}

class GraphView {
	// `upright`: the root at the bottom.
	constructor(box, page, upright) {
		Object.assign(this, { box, page, upright, path: [], focus: 0 });
		this.sizer = box.appendChild(document.createElement("div"));
		this.canvas = this.sizer.appendChild(document.createElement("canvas"));
		this.canvas.tabIndex = 0;
		this.canvas.setAttribute("role", "application");
		this.canvas.setAttribute("aria-label",
			box.dataset.label + ": arrow keys move, Enter zooms, Escape zooms out, / searches");
		this.fills = new Map();
		this.listen();
	}

	show(graph) {
		this.graph = graph;
		this.focus = 0;
		this.relayout();
		if (this.upright)
			this.box.scrollTop = this.box.scrollHeight;
	}

	relayout() {
		this.width = this.box.clientWidth;
		this.path = this.graph.layout(this.path, LEAST_PX / Math.max(1, this.width));
		this.focus = this.path.length;
		this.rows = this.graph.depth + 1;
		const height = Math.max(this.rows * ROW, 2 * ROW);
		this.sizer.style.height = height + "px";
		this.box.style.height = Math.min(height, this.page.roomFor(this.box)) + "px";
		this.index();
		this.page.onElided(this);
		this.draw();
	}

	// Frames by row, left to right: what is under a point is a search in one row.
	index() {
		this.byRow = Array.from({ length: this.rows }, () => []);
		this.graph.frames.forEach((f, i) => { f.id = i; this.byRow[f.depth].push(f); });
		this.byRow.forEach((row) => row.sort((a, b) => a.x - b.x));
	}

	yOf(f) { return (this.upright ? this.rows - 1 - f.depth : f.depth) * ROW; }

	fillOf(f) {
		const { model } = this.graph, metric = this.page.metric;
		const key = metric ? -1 : f.code;
		let fill = metric ? undefined : this.fills.get(key);
		if (fill)
			return fill;
		if (metric) {
			const v = ratio(metric, (c) => this.graph.sumOf(f, c, false), (c) => this.graph.sumOf(f, c, true));
			return v === null ? "rgb(120,120,120)" : ratioFill(metric, v, this.page.middle);
		}
		const [base, span] = FILLS[model.kindOf(f.code)], h = hash(model.nameOf(f.code));
		fill = `rgb(${base.map((b, i) => b + Math.floor((h >>> (8 * i) & 255) * span[i] / 255))})`;
		this.fills.set(key, fill);
		return fill;
	}

	draw() {
		const dpr = window.devicePixelRatio || 1, { canvas } = this;
		const height = Math.max(1, this.box.clientHeight), top = this.box.scrollTop;
		canvas.width = Math.round(this.width * dpr);
		canvas.height = Math.round(height * dpr);
		canvas.style.width = this.width + "px";
		canvas.style.height = height + "px";
		const ctx = canvas.getContext("2d");
		ctx.setTransform(dpr, 0, 0, dpr, 0, -top * dpr);
		ctx.font = "12px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
		ctx.textBaseline = "middle";
		this.charWidth = this.charWidth || ctx.measureText("0").width;
		const first = Math.floor(top / ROW), last = Math.ceil((top + height) / ROW);
		for (let r = Math.max(0, first); r < Math.min(last, this.rows); r++)
			for (const f of this.byRow[this.upright ? this.rows - 1 - r : r])
				this.drawFrame(ctx, f, r * ROW);
	}

	drawFrame(ctx, f, y) {
		const x = f.x * this.width, w = f.w * this.width, { page } = this;
		const matched = page.matches && page.matchesCode(f.code);
		ctx.globalAlpha = f.above ? 0.55 : page.matches && !matched ? 0.45 : 1;
		ctx.fillStyle = matched ? MATCH : this.fillOf(f);
		ctx.fillRect(x, y, Math.max(w - (w > 3 ? 1 : 0), 0.5), ROW - 1);
		const room = Math.floor((w - 6) / this.charWidth);
		if (room >= 3) {
			ctx.fillStyle = matched ? "#fff" : "#111";
			ctx.fillText(this.label(f, room), x + 3, y + ROW / 2);
		}
		if (f.id === this.focus && document.activeElement === this.canvas) {
			ctx.globalAlpha = 1;
			ctx.strokeStyle = page.ink;
			ctx.lineWidth = 2;
			ctx.strokeRect(x + 1, y + 1, Math.max(w - 2, 1), ROW - 3);
		}
		ctx.globalAlpha = 1;
	}

	label(f, room) {
		const name = this.graph.model.nameOf(f.code);
		if (name.length <= room)
			return name;
		return name.slice(0, room - 1) + "…";
	}

	at(event) {
		const r = this.canvas.getBoundingClientRect();
		const row = Math.floor((event.clientY - r.top + this.box.scrollTop) / ROW);
		const frames = this.byRow[this.upright ? this.rows - 1 - row : row] || [];
		const x = (event.clientX - r.left) / this.width;
		let low = 0, high = frames.length;
		while (low < high) {
			const mid = (low + high) >> 1;
			if (frames[mid].x <= x)
				low = mid + 1;
			else
				high = mid;
		}
		const f = frames[low - 1];
		return f && x < f.x + f.w ? f : null;
	}

	zoomTo(f) {
		const path = [];
		for (let g = f; g.parent; g = g.parent)
			path.unshift(g.code);
		this.path = path;
		this.relayout();
		this.tell(this.graph.frames[this.focus]);
	}

	tell(f) { this.page.tell(f ? this.page.describe(this.graph, f) : []); }

	// The next frame in the direction of an arrow key.
	neighbour(key) {
		const f = this.graph.frames[this.focus], out = this.upright ? "ArrowUp" : "ArrowDown";
		if (key === "ArrowLeft" || key === "ArrowRight") {
			const row = this.byRow[f.depth], step = key === "ArrowLeft" ? -1 : 1;
			return row[row.indexOf(f) + step];
		}
		if (key !== out)
			return f.parent;
		const inside = this.byRow[f.depth + 1] || [];
		return inside.filter((g) => g.parent === f).sort((a, b) => b.weight - a.weight)[0];
	}

	onKey(e) {
		if (e.key.startsWith("Arrow")) {
			const next = this.neighbour(e.key);
			if (next) {
				this.focus = next.id;
				this.reveal(next);
				this.tell(next);
			}
		} else if (e.key === "Enter") {
			this.zoomTo(this.graph.frames[this.focus]);
		} else if (e.key === "Escape" && this.path.length) {
			this.zoomTo(this.graph.frames[0]);
		} else if (e.key === "f") {
			this.page.chooseFunction(this.graph.model.functionOf(this.graph.frames[this.focus].code));
		} else {
			return;
		}
		e.preventDefault();
		e.stopPropagation();
	}

	reveal(f) {
		const y = this.yOf(f);
		if (y < this.box.scrollTop)
			this.box.scrollTop = y;
		else if (y + ROW > this.box.scrollTop + this.box.clientHeight)
			this.box.scrollTop = y + ROW - this.box.clientHeight;
		this.draw();
	}

	listen() {
		const { canvas } = this;
		canvas.addEventListener("click", (e) => {
			const f = this.at(e);
			if (f)
				this.zoomTo(f);
		});
		canvas.addEventListener("pointermove", (e) => {
			const f = this.at(e);
			canvas.style.cursor = f ? "pointer" : "default";
			if (f !== this.hovered)
				this.tell(f);
			this.hovered = f;
			this.page.tip(f && e.pointerType === "mouse" ? this.page.describe(this.graph, f) : null, e);
		});
		canvas.addEventListener("pointerleave", () => { this.hovered = null; this.page.tip(null); });
		canvas.addEventListener("contextmenu", (e) => {
			const f = this.at(e), fn = f ? this.graph.model.functionOf(f.code) : -1;
			if (fn >= 0) {
				e.preventDefault();
				this.page.chooseFunction(fn);
			}
		});
		canvas.addEventListener("keydown", (e) => this.onKey(e));
		["focus", "blur"].forEach((t) => canvas.addEventListener(t, () => this.graph && this.draw()));
		this.box.addEventListener("scroll", () => this.graph && this.draw());
	}
}
