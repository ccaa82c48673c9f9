// SPDX-License-Identifier: MIT
// The page: what is selected (event, ratio, thread, time, search, function), and which views show
// it. A change of the selection goes to the sums, a change of anything to the view that is open.
const byId = (id) => document.getElementById(id);
const TABS = ["flame", "icicle", "table", "function"];

class Page {
	constructor(model) {
		this.model = model;
		this.column = Math.max(0, model.data.base);
		this.metric = null;
		this.thread = -1;
		this.from = 0;
		this.to = model.buckets;
		this.fn = -1;
		this.tab = "flame";
		this.heavyFirst = false;
		this.matches = null;
		this.readColours();
		this.views = { flame: new GraphView(byId("flame"), this, true), icicle: new GraphView(byId("icicle"), this, false) };
		this.table = new FunctionTable(byId("functions"), byId("more"), this, model);
		this.panel = new FunctionPanel(this, model);
		this.timeline = new Timeline(byId("timeline"), this, model);
		this.fillControls();
		this.listen();
		this.refilter();
	}

	readColours() {
		const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(name).trim();
		this.ink = of("--ink");
		this.dim = of("--dim");
		this.faint = of("--line");
		this.shade = of("--shade");
		this.barColour = of("--bar");
		this.lineColour = of("--accent");
	}

	// ---- the selection ----

	refilter() {
		this.sums = new Sums(this.model, this.from, this.to, this.thread);
		this.findMiddle();
		this.tellSelection();
		this.redraw();
	}

	// The run's value, in the middle of a ratio's colours.
	findMiddle() {
		const m = this.metric, s = this.sums;
		this.middle = m && ratio(m, (c) => s.total[c][0], (c) => s.samples[c][0]) || 1;
	}

	redraw() {
		this.timeline.draw();
		if (this.tab === "table")
			this.table.show(this.sums);
		else if (this.tab === "function")
			this.panel.show(this.sums, this.fn);
		else
			this.views[this.tab].show(Graph.whole(this.sums, this.column, this.tab === "icicle", this.heavyFirst || this.tab === "icicle"));
		this.tellMatches();
	}

	setRange(from, to) {
		this.from = Math.min(from, this.model.buckets - 1);
		this.to = Math.max(this.from + 1, to);
		if (!this.pending)
			this.pending = requestAnimationFrame(() => { this.pending = 0; this.refilter(); });
	}

	setThread(thread) {
		this.thread = thread;
		byId("thread").value = String(thread);
		this.refilter();
	}

	chooseFunction(fn) {
		if (fn < 0)
			return;
		this.fn = fn;
		this.open("function");
	}

	open(tab) {
		this.tab = tab;
		for (const t of TABS) {
			const button = byId("tab-" + t);
			button.setAttribute("aria-selected", String(t === tab));
			button.tabIndex = t === tab ? 0 : -1;
			byId("panel-" + t).hidden = t !== tab;
		}
		byId("elided").textContent = "";
		this.redraw();
	}

	// Capitals in the expression make it case-sensitive.
	search(text) {
		const { data } = this.model;
		this.matches = null;
		byId("matched").classList.remove("wrong");
		if (text) {
			let re;
			try {
				re = new RegExp(text, text === text.toLowerCase() ? "i" : "");
			} catch (e) {
				byId("matched").textContent = "not a regular expression";
				byId("matched").classList.add("wrong");
				this.redrawKeeping();
				return;
			}
			this.matches = Uint8Array.from(data.functions.name, (name) => re.test(name) ? 1 : 0);
		}
		this.redrawKeeping();
	}

	redrawKeeping() {
		if (this.tab === "table")
			this.table.show(this.sums);
		else if (this.tab === "function")
			[this.panel.callers, this.panel.callees].forEach((v) => v.graph && v.draw());
		else
			this.views[this.tab].draw();
		this.tellMatches();
	}

	matchesCode(code) {
		const f = this.model.functionOf(code);
		return f >= 0 && this.matches[f] === 1;
	}

	// The share of the selection in or below a match; a match inside a match counts once.
	matchedShare() {
		const m = this.model, inside = new Uint8Array(m.parent.length), total = this.sums.total[this.column];
		let sum = 0;
		for (let i = 1; i < inside.length; i++) {
			const matched = this.matchesCode(m.code[i]);
			inside[i] = matched || inside[m.parent[i]] ? 1 : 0;
			if (matched && !inside[m.parent[i]])
				sum += total[i];
		}
		return percent(sum, total[0], 1);
	}

	reset() {
		for (const v of [this.views.flame, this.views.icicle, this.panel.callers, this.panel.callees])
			v.path = [];
		byId("find").value = "";
		byId("thread").value = "-1";
		byId("matched").classList.remove("wrong");
		this.matches = null;
		this.thread = -1;
		this.from = 0;
		this.to = this.model.buckets;
		this.refilter();
	}

	// ---- telling ----

	tellSelection() {
		const { model, sums, column } = this, whole = this.from === 0 && this.to === model.buckets;
		const at = (b) => (b * model.bucketNs / 1e9).toFixed(3);
		const all = model.cells.count.reduce((t, n, i) => t + (model.cells.column[i] === column ? n : 0), 0);
		byId("from").value = at(this.from);
		byId("to").value = at(this.to);
		byId("selected").textContent =
			`${grouped(sums.samples[column][0])} samples, ${amount(model.columns[column], sums.total[column][0])}` +
			(whole && this.thread < 0 ? "" : ` (${percent(sums.total[column][0], all, 1)} of the run)`);
	}

	tellMatches() {
		if (this.matches)
			byId("matched").textContent = "Matched: " + this.matchedShare();
		else if (!byId("matched").classList.contains("wrong"))
			byId("matched").textContent = "";
	}

	onElided(view) {
		const g = view.graph;
		if (view === this.views[this.tab])
			byId("elided").textContent = g.elided
				? `${grouped(g.elided)} groups of frames narrower than ${LEAST_PX} px are not drawn: zoom in to see them` : "";
	}

	describe(graph, f) {
		const { model } = this, column = model.columns[graph.column];
		const lines = [model.nameOf(f.code), [model.moduleOf(f.code),
			["user", "inlined", "kernel", "stack is broken", "thread", ""][model.kindOf(f.code)]].filter(Boolean).join(" · ")];
		lines.push(`${percent(f.weight, graph.sums.total[graph.column][0])} · ${amount(column, f.weight)} · ` +
			`${grouped(graph.sumOf(f, graph.column, true))} samples`);
		const self = graph.selfOf(f);
		if (self !== null)
			lines.push(`self ${percent(self, graph.sums.total[graph.column][0])} · ${amount(column, self)}`);
		for (const m of model.metrics) {
			const v = ratio(m, (c) => graph.sumOf(f, c, false), (c) => graph.sumOf(f, c, true));
			if (v !== null)
				lines.push(`${m.text} ${metricText(m, v)}`);
		}
		return lines.filter(Boolean);
	}

	tell(lines) { byId("detail").textContent = lines.map((l) => l.slice(0, 500)).join("  —  "); }

	tip(lines, e) {
		const tip = byId("tip");
		tip.hidden = !lines;
		if (!lines)
			return;
		tip.replaceChildren(...lines.map((l, i) => {
			const div = document.createElement("div");
			div.textContent = l.slice(0, 500);
			div.className = i ? "" : "name";
			return div;
		}));
		const x = Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 8);
		const below = e.clientY + 18 + tip.offsetHeight < innerHeight;
		tip.style.left = Math.max(4, x) + "px";
		tip.style.top = (below ? e.clientY + 18 : Math.max(4, e.clientY - tip.offsetHeight - 10)) + "px";
	}

	// A view may be as high as what is left of the window.
	roomFor(box) {
		const top = byId("panels").getBoundingClientRect().top + scrollY;
		const room = Math.max(260, innerHeight - top - 60);
		return box.id === "callers" || box.id === "callees" ? Math.max(160, room / 3) : room;
	}

	// ---- controls ----

	fillControls() {
		const { model } = this;
		const fill = (select, items) => select.replaceChildren(...items.map(([value, text]) => new Option(text, value)));
		fill(byId("event"), model.columns.map((c, i) => [i, c.name]));
		fill(byId("ratio"), [[-1, "kind of code"], ...model.metrics.map((m, i) => [i, m.text])]);
		fill(byId("thread"), [[-1, "all threads"], ...model.threads.map((t, i) => [i, `${t.name} ${t.tid}`])]);
		byId("event").value = String(this.column);
		byId("ratio").parentNode.hidden = !model.metrics.length;
		byId("event").parentNode.hidden = model.columns.length < 2;
		byId("thread").parentNode.hidden = model.threads.length < 2;
		byId("resolution").textContent = "resolution " + duration(model.bucketNs);
		for (const id of ["from", "to"])
			Object.assign(byId(id), { min: 0, max: (model.buckets * model.bucketNs / 1e9).toFixed(3), step: "any" });
	}

	listen() {
		byId("event").addEventListener("change", (e) => { this.column = Number(e.target.value); this.refilter(); });
		byId("ratio").addEventListener("change", (e) => {
			this.metric = this.model.metrics[Number(e.target.value)] || null;
			this.findMiddle();
			this.redraw();
		});
		byId("thread").addEventListener("change", (e) => this.setThread(Number(e.target.value)));
		byId("order").addEventListener("change", (e) => { this.heavyFirst = e.target.checked; this.redraw(); });
		byId("find").addEventListener("input", (e) => this.search(e.target.value));
		byId("reset").addEventListener("click", () => this.reset());
		for (const id of ["from", "to"])
			byId(id).addEventListener("change", () => this.readRange());
		for (const t of TABS)
			byId("tab-" + t).addEventListener("click", () => this.open(t));
		byId("tabs").addEventListener("keydown", (e) => this.onTabKey(e));
		addEventListener("keydown", (e) => this.onKey(e));
		addEventListener("resize", () => this.redraw());
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.readColours(); this.redraw(); });
	}

	// To the nearest bucket: the page says its resolution.
	readRange() {
		const bucket = (id) => Math.round(Number(byId(id).value) * 1e9 / this.model.bucketNs);
		this.setRange(Math.max(0, bucket("from")), Math.min(this.model.buckets, bucket("to")));
	}

	onTabKey(e) {
		const step = e.key === "ArrowRight" ? 1 : e.key === "ArrowLeft" ? -1 : 0;
		if (!step)
			return;
		const next = TABS[(TABS.indexOf(this.tab) + step + TABS.length) % TABS.length];
		this.open(next);
		byId("tab-" + next).focus();
	}

	onKey(e) {
		const typing = e.target.tagName === "INPUT" && e.target.type !== "checkbox";
		if ((e.key === "/" && !typing) || ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "f")) {
			e.preventDefault();
			byId("find").focus();
			byId("find").select();
		} else if (e.key === "Escape" && e.target.id === "find") {
			byId("find").value = "";
			this.search("");
		} else if (e.key === "Escape" && !typing) {
			this.reset();
		}
	}
}

new Page(new Model(JSON.parse(byId("data").textContent)));
