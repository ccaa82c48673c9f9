// SPDX-License-Identifier: MIT
// One function: who calls it, what it calls, and its lines, in their source where it is embedded.
class FunctionPanel {
	constructor(page, model) {
		Object.assign(this, { page, model });
		this.callers = new GraphView(byId("callers"), page, true);
		this.callees = new GraphView(byId("callees"), page, false);
	}

	show(sums, fn) {
		byId("nofunction").hidden = fn >= 0;
		byId("onefunction").hidden = fn < 0;
		if (fn < 0)
			return;
		const { page } = this, c = page.column, f = sums.functions(), all = sums.total[c][0];
		const { functions, modules } = this.model.data, column = this.model.columns[c];
		if (fn !== this.fn)
			this.callers.path = this.callees.path = [];
		this.fn = fn;
		byId("fname").textContent = functions.name[fn];
		const facts = [modules[functions.module[fn]],
			`self ${percent(f.self[c][fn], all)} (${amount(column, f.self[c][fn])}, ${grouped(f.selfSamples[c][fn])} samples)`,
			`total ${percent(f.total[c][fn], all)} (${amount(column, f.total[c][fn])})`];
		for (const m of this.model.metrics) {
			const v = ratio(m, (x) => f.self[x][fn], (x) => f.selfSamples[x][fn]);
			if (v !== null)
				facts.push(`${m.text} ${metricText(m, v)}`);
		}
		byId("ffacts").textContent = facts.join(" · ");
		this.callers.show(Graph.of(sums, c, true, true, fn));
		this.callees.show(Graph.of(sums, c, false, true, fn));
		this.showLines(sums, fn);
	}

	// Self and total by (file, line) of the function; a line that calls itself counts once.
	linesOf(sums, fn) {
		const m = this.model, { symbols } = m.data, c = this.page.column, lines = new Map();
		const ns = symbols.function.length, self = sums.rawSelf[c], total = self.slice();
		for (let i = m.rawParent.length - 1; i > 0; i--)
			total[m.rawParent[i]] += total[i];
		const keyOf = (i) => {
			const s = m.rawWhat[i];
			return s < ns && symbols.function[s] === fn && symbols.line[s]
				? symbols.file[s] * 0x100000000 + symbols.line[s] : -1;
		};
		for (let i = 1; i < m.rawParent.length; i++) {
			const key = total[i] ? keyOf(i) : -1;
			if (key < 0)
				continue;
			let line = lines.get(key);
			if (!line)
				lines.set(key, line = { file: Math.floor(key / 0x100000000), line: key % 0x100000000, self: 0, total: 0 });
			line.self += self[i];
			let up = m.rawParent[i];
			while (up && keyOf(up) !== key)
				up = m.rawParent[up];
			if (!up)
				line.total += total[i];
		}
		return [...lines.values()].sort((a, b) => a.file - b.file || a.line - b.line);
	}

	showLines(sums, fn) {
		const lines = this.linesOf(sums, fn), all = sums.total[this.page.column][0];
		const body = document.createDocumentFragment();
		byId("lines").hidden = !lines.length;
		byId("nolines").hidden = !!lines.length;
		for (const file of new Set(lines.map((l) => l.file)))
			this.showFile(body, file, lines.filter((l) => l.file === file), all);
		byId("lines").tBodies[0].replaceChildren(body);
	}

	// With the source: from a few lines before the first to a few after the last.
	showFile(body, file, lines, all) {
		const source = this.model.data.sources[file] || null; // its lines
		const head = body.appendChild(document.createElement("tr"));
		const th = head.appendChild(document.createElement("th"));
		th.colSpan = 4;
		th.textContent = this.model.data.files[file] + (source ? "" : " (its source is not in this page)");
		const by = new Map(lines.map((l) => [l.line, l]));
		const first = source ? Math.max(1, lines[0].line - 4) : 0;
		const last = source ? Math.min(source.length, lines[lines.length - 1].line + 4) : -1;
		const numbers = source ? Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i) : [];
		for (const l of lines) // and those that the file does not have
			if (!source || l.line > source.length)
				numbers.push(l.line);
		for (const n of numbers)
			body.append(this.lineRow(n, by.get(n), source ? source[n - 1] || "" : "", all));
	}

	lineRow(number, line, text, all) {
		const tr = document.createElement("tr");
		const cells = [line ? percent(line.self, all) : "", line ? percent(line.total, all) : "", String(number), text];
		cells.forEach((t, i) => {
			const td = tr.appendChild(document.createElement("td"));
			td.textContent = t.slice(0, 2000);
			if (i === 3)
				td.className = "code";
		});
		if (line)
			tr.style.setProperty("--heat", String(Math.min(1, line.self / (all || 1) * 4)));
		return tr;
	}
}
