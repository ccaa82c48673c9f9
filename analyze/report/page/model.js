// SPDX-License-Identifier: MIT
// The profile in arrays, and what a selection of it weighs.
//
// Raw nodes are the unique stacks as a tree (parents before children), a node for each function,
// line and inlined call; nodes are the same with lines merged: what flame graphs draw. A cell is
// what one bucket of time counted of one event in one thread at one raw node. A selection (event
// ranges, threads) adds cells up; everything on the page is read from these sums.
const KIND = { USER: 0, INLINED: 1, KERNEL: 2, BROKEN: 3, THREAD: 4, ROOT: 5 };
const MIN_DENOMINATOR = 5; // samples; with fewer a ratio is noise: docs/metrics.md

class Model {
	constructor(data) {
		Object.assign(this, {
			data, columns: data.columns, metrics: data.metrics, threads: data.threads,
			nFunctions: data.functions.name.length, buckets: data.time.n,
			bucketNs: data.time.bucket,
		});
		this.readNodes();
		this.mergeNodes();
		this.readCells();
		this.findOutermost();
	}

	readNodes() {
		const { parent, what } = this.data.nodes, n = parent.length;
		this.rawParent = new Int32Array(n);
		this.rawWhat = Int32Array.from(what);
		for (let i = 1; i < n; i++)
			this.rawParent[i] = i - parent[i];
	}

	// A node's code says what is drawn: function * 2 + inlined, then threads' names and broken ends.
	codeOfRaw(i) {
		const { symbols } = this.data, what = this.rawWhat[i], n = symbols.function.length;
		return what < n ? symbols.function[what] * 2 + symbols.inlined[what]
				: this.nFunctions * 2 + (what - n);
	}

	// By an own hash table: with a million nodes a Map takes seconds.
	mergeNodes() {
		const n = this.rawParent.length, parent = new Int32Array(n), code = new Int32Array(n);
		let size = 16, count = 1;
		while (size < 2 * n)
			size *= 2;
		const slots = new Int32Array(size);
		this.merged = new Int32Array(n);
		code[0] = -1;
		for (let i = 1; i < n; i++) {
			const above = this.merged[this.rawParent[i]], c = this.codeOfRaw(i);
			const h = Math.imul(above, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b);
			let at = (h ^ h >>> 15) & (size - 1);
			while (slots[at] && (parent[slots[at]] !== above || code[slots[at]] !== c))
				at = (at + 1) & (size - 1);
			if (!slots[at]) {
				parent[count] = above;
				code[count] = c;
				slots[at] = count++;
			}
			this.merged[i] = slots[at];
		}
		this.parent = parent.slice(0, count);
		this.code = code.slice(0, count);
		this.linkChildren();
	}

	linkChildren() {
		const n = this.parent.length;
		this.firstChild = new Int32Array(n);
		this.nextSibling = new Int32Array(n);
		for (let i = n - 1; i > 0; i--) {
			this.nextSibling[i] = this.firstChild[this.parent[i]];
			this.firstChild[this.parent[i]] = i;
		}
	}

	// Is a node the outermost of its function on its way to the root? Totals count those alone.
	findOutermost() {
		const open = new Int32Array(this.nFunctions), n = this.parent.length;
		this.outermost = new Uint8Array(n);
		let at = this.firstChild[0];
		const enter = (i) => {
			const f = this.functionOf(this.code[i]);
			this.outermost[i] = f >= 0 && !open[f] ? 1 : 0;
			if (f >= 0)
				open[f]++;
		};
		const leave = (i) => {
			const f = this.functionOf(this.code[i]);
			if (f >= 0)
				open[f]--;
		};
		while (at) {
			enter(at);
			let next = this.firstChild[at];
			while (!next && at) {
				leave(at);
				next = this.nextSibling[at];
				at = this.parent[at];
			}
			at = next;
		}
	}

	readCells() {
		const c = this.data.cells;
		this.cells = {
			bucket: new Int32Array(c.bucket.length), thread: Int32Array.from(c.thread),
			column: Int32Array.from(c.column), node: Int32Array.from(c.node),
			samples: Float64Array.from(c.samples), count: Float64Array.from(c.count),
		};
		let bucket = 0;
		c.bucket.forEach((delta, i) => { this.cells.bucket[i] = bucket += delta; });
	}

	// ---- what codes are ----

	functionOf(code) { return code >= 0 && code < this.nFunctions * 2 ? code >> 1 : -1; }

	nameOf(code) {
		if (code < 0)
			return "all";
		const f = this.functionOf(code);
		if (f >= 0)
			return this.data.functions.name[f];
		const label = code - this.nFunctions * 2, text = this.data.labels.text[label];
		return this.data.labels.broken[label] ? `[broken: ${text}]` : text;
	}

	moduleOf(code) {
		const f = this.functionOf(code);
		return f >= 0 ? this.data.modules[this.data.functions.module[f]] : "";
	}

	kindOf(code) {
		if (code < 0)
			return KIND.ROOT;
		const f = this.functionOf(code);
		if (f < 0)
			return this.data.labels.broken[code - this.nFunctions * 2] ? KIND.BROKEN : KIND.THREAD;
		if (this.data.functions.kernel[f])
			return KIND.KERNEL;
		return code & 1 ? KIND.INLINED : KIND.USER;
	}
}

// Sums over the cells of buckets [from, to) and of one thread (-1: all).
class Sums {
	constructor(model, from, to, thread) {
		this.model = model;
		const nc = model.columns.length, raw = model.rawParent.length, n = model.parent.length;
		this.rawSelf = model.columns.map(() => new Float64Array(raw));
		this.rawSamples = model.columns.map(() => new Float64Array(raw));
		this.self = model.columns.map(() => new Float64Array(n));
		this.selfSamples = model.columns.map(() => new Float64Array(n));
		this.total = [];
		this.samples = [];
		const { bucket, node, column, count, samples, thread: of } = model.cells;
		for (let i = 0; i < bucket.length; i++) {
			if (bucket[i] < from || bucket[i] >= to || (thread >= 0 && of[i] !== thread))
				continue;
			this.rawSelf[column[i]][node[i]] += count[i];
			this.rawSamples[column[i]][node[i]] += samples[i];
		}
		for (let c = 0; c < nc; c++)
			this.addUp(c);
	}

	addUp(c) {
		const { merged, parent } = this.model;
		const self = this.self[c], selfSamples = this.selfSamples[c];
		for (let i = 0; i < merged.length; i++) {
			self[merged[i]] += this.rawSelf[c][i];
			selfSamples[merged[i]] += this.rawSamples[c][i];
		}
		const total = this.total[c] = self.slice(), samples = this.samples[c] = selfSamples.slice();
		for (let i = parent.length - 1; i > 0; i--) {
			total[parent[i]] += total[i];
			samples[parent[i]] += samples[i];
		}
	}

	// Rows of the table: self and total of each event by function. Made when first asked for.
	functions() {
		if (this.byFunction)
			return this.byFunction;
		const m = this.model, sum = () => m.columns.map(() => new Float64Array(m.nFunctions));
		const f = this.byFunction = { self: sum(), selfSamples: sum(), total: sum(), samples: sum() };
		for (let i = 1; i < m.parent.length; i++) {
			const id = m.functionOf(m.code[i]);
			if (id < 0)
				continue;
			for (let c = 0; c < m.columns.length; c++) {
				f.self[c][id] += this.self[c][i];
				f.selfSamples[c][id] += this.selfSamples[c][i];
				if (m.outermost[i]) {
					f.total[c][id] += this.total[c][i];
					f.samples[c][id] += this.samples[c][i];
				}
			}
		}
		return f;
	}
}

// A ratio from sums of counts and samples (index -> number); null: too few samples.
function ratio(metric, count, samples) {
	if (samples(metric.d) < MIN_DENOMINATOR || !count(metric.d))
		return null;
	return count(metric.n) * metric.scale * (metric.unit === "kilo" ? 1000 : 1) / count(metric.d);
}

function metricText(metric, value) {
	if (value === null)
		return "–";
	return metric.unit === "percent" ? (100 * value).toFixed(2) + " %" : value.toFixed(2);
}

const grouped = (n) => Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
const percent = (part, whole, digits = 2) =>
	(whole ? (100 * part / whole).toFixed(digits) : (0).toFixed(digits)) + " %";

function duration(ns) {
	if (!ns)
		return "0";
	const [unit, size] = ns >= 1e9 ? ["s", 1e9] : ns >= 1e6 ? ["ms", 1e6] : ns >= 1e3 ? ["µs", 1e3] : ["ns", 1];
	return (ns / size).toPrecision(Math.max(3, String(Math.floor(ns / size)).length)) + " " + unit;
}

const amount = (column, count) => column.ns ? duration(count) : grouped(count);
