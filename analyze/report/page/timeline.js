// SPDX-License-Identifier: MIT
// Samples over time, a lane for the whole run and one a thread: bars for the event, a line for the
// ratio. Dragging selects a range; a click on a lane's name keeps that thread.
const LANE = 30, NAMES = 130, MAX_LANES = 60;

// The least of 1, 2, 5, 10, 20, ... that is not below.
function roundStep(least) {
	const power = 10 ** Math.floor(Math.log10(least));
	return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least);
}

class Timeline {
	constructor(box, page, model) {
		Object.assign(this, { box, page, model });
		this.canvas = box.querySelector("canvas");
		this.sum();
		this.listen();
	}

	// Counts by lane, event and bucket; lane 0 is the whole run.
	sum() {
		const m = this.model, { cells } = m;
		const lane = () => m.columns.map(() => ({ count: new Float64Array(m.buckets), samples: new Float64Array(m.buckets) }));
		this.lanes = [lane(), ...m.threads.slice(0, MAX_LANES).map(lane)];
		for (let i = 0; i < cells.bucket.length; i++)
			for (const l of [0, cells.thread[i] + 1]) {
				const to = this.lanes[l] && this.lanes[l][cells.column[i]];
				if (!to)
					continue;
				to.count[cells.bucket[i]] += cells.count[i];
				to.samples[cells.bucket[i]] += cells.samples[i];
			}
		if (m.threads.length === 1) // it is the whole run
			this.lanes.length = 1;
	}

	nameOf(lane) {
		if (lane > 0 || this.model.threads.length === 1) {
			const t = this.model.threads[Math.max(0, lane - 1)];
			return `${t.name} ${t.tid}`;
		}
		return "all threads";
	}

	draw() {
		const dpr = window.devicePixelRatio || 1, height = this.lanes.length * LANE + 16;
		this.canvas.style.height = height + "px"; // first: with it comes a scroll bar, which takes width
		const width = this.box.clientWidth, ctx = this.canvas.getContext("2d");
		this.names = width < 500 ? 70 : NAMES;
		this.plot = Math.max(10, width - this.names);
		this.canvas.width = Math.round(width * dpr);
		this.canvas.height = Math.round(height * dpr);
		this.canvas.style.width = width + "px";
		ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
		ctx.clearRect(0, 0, width, height);
		this.lanes.forEach((lane, i) => this.drawLane(ctx, lane, i));
		this.drawAxis(ctx, height);
		this.drawRange(ctx, height);
	}

	// One bar a pixel, not one a bucket, where there are more buckets.
	perPixel(values) {
		const n = Math.min(Math.floor(this.plot), values.length), out = new Float64Array(n);
		for (let i = 0; i < values.length; i++)
			out[Math.floor(i * n / values.length)] += values[i];
		return out;
	}

	drawLane(ctx, lane, index) {
		const { page } = this, y = index * LANE, bars = this.perPixel(lane[page.column].count);
		const most = bars.reduce((a, b) => Math.max(a, b), 0) || 1, step = this.plot / bars.length;
		const chosen = page.thread < 0 || index === page.thread + 1 || (index === 0 && this.lanes.length === 1);
		ctx.globalAlpha = chosen ? 1 : 0.35;
		ctx.fillStyle = page.faint;
		ctx.fillRect(this.names, y + LANE - 1, this.plot, 1);
		ctx.fillStyle = page.barColour;
		bars.forEach((v, i) => {
			const h = v / most * (LANE - 5);
			ctx.fillRect(this.names + i * step, y + LANE - 1 - h, Math.max(step - (step > 4 ? 1 : 0), 1), h);
		});
		if (page.metric)
			this.drawRatio(ctx, lane, y, bars.length);
		ctx.fillStyle = page.ink;
		ctx.font = "12px system-ui, sans-serif";
		ctx.textBaseline = "middle";
		ctx.fillText(this.fit(ctx, this.nameOf(index)), 2, y + LANE / 2);
		ctx.globalAlpha = 1;
	}

	fit(ctx, text) {
		let t = text;
		while (t.length > 4 && ctx.measureText(t).width > this.names - 8)
			t = t.slice(0, -2).trimEnd() + "…";
		return t;
	}

	drawRatio(ctx, lane, y, n) {
		const { metric, middle } = this.page, per = (c, what) => this.perPixel(lane[c][what]);
		const sides = {};
		for (const c of [metric.n, metric.d])
			sides[c] = { count: per(c, "count"), samples: per(c, "samples") };
		ctx.strokeStyle = this.page.lineColour;
		ctx.lineWidth = 1.5;
		ctx.beginPath();
		let pen = false;
		for (let i = 0; i < n; i++) {
			const v = ratio(metric, (c) => sides[c].count[i], (c) => sides[c].samples[i]);
			if (v === null) {
				pen = false;
				continue;
			}
			const x = this.names + (i + 0.5) * this.plot / n;
			const h = Math.min(1, v / (2 * middle || 1)) * (LANE - 5); // the run's value: half way up
			ctx[pen ? "lineTo" : "moveTo"](x, y + LANE - 2 - h);
			pen = true;
		}
		ctx.stroke();
	}

	// At round times, as many as there is room for, and at the end.
	drawAxis(ctx, height) {
		const total = this.model.buckets * this.model.bucketNs, step = roundStep(total * 80 / this.plot);
		const at = (t) => this.names + this.plot * t / total;
		ctx.fillStyle = this.page.dim;
		ctx.font = "11px system-ui, sans-serif";
		ctx.textBaseline = "alphabetic";
		ctx.textAlign = "left";
		ctx.fillText("0", this.names, height - 3);
		ctx.textAlign = "center";
		for (let t = step; at(t) < at(total) - 75; t += step)
			ctx.fillText(duration(t), at(t), height - 3);
		ctx.textAlign = "right";
		ctx.fillText(duration(total), at(total), height - 3);
		ctx.textAlign = "left";
	}

	drawRange(ctx, height) {
		const { from, to } = this.page, n = this.model.buckets;
		if (from === 0 && to === n)
			return;
		const x = this.names + from / n * this.plot, w = (to - from) / n * this.plot;
		ctx.fillStyle = this.page.shade;
		ctx.fillRect(this.names, 0, x - this.names, height - 16);
		ctx.fillRect(x + w, 0, this.names + this.plot - x - w, height - 16);
		ctx.strokeStyle = this.page.lineColour;
		ctx.lineWidth = 1;
		ctx.strokeRect(x + 0.5, 0.5, Math.max(1, w - 1), height - 17);
	}

	bucketAt(e) {
		const x = e.clientX - this.canvas.getBoundingClientRect().left - this.names;
		return Math.max(0, Math.min(this.model.buckets, Math.round(x / this.plot * this.model.buckets)));
	}

	laneAt(e) {
		const r = this.canvas.getBoundingClientRect();
		if (e.clientX - r.left >= this.names)
			return -1;
		const lane = Math.floor((e.clientY - r.top) / LANE);
		return lane < this.lanes.length ? lane : -1;
	}

	listen() {
		const { canvas, page } = this;
		let start = -1;
		canvas.addEventListener("pointerdown", (e) => {
			const lane = this.laneAt(e);
			if (lane >= 0) {
				page.setThread(lane - 1 === page.thread ? -1 : lane - 1);
				return;
			}
			start = this.bucketAt(e);
			canvas.setPointerCapture(e.pointerId);
		});
		canvas.addEventListener("pointermove", (e) => {
			if (start < 0) {
				canvas.style.cursor = this.laneAt(e) >= 0 ? "pointer" : "text";
				return;
			}
			const at = this.bucketAt(e);
			if (at !== start)
				page.setRange(Math.min(start, at), Math.max(start, at));
		});
		canvas.addEventListener("pointerup", (e) => {
			if (start >= 0 && this.bucketAt(e) === start) // a click: all again
				page.setRange(0, this.model.buckets);
			start = -1;
		});
		canvas.addEventListener("pointercancel", () => { start = -1; });
	}
}
