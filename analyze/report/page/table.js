// SPDX-License-Identifier: MIT
// The functions as a table that any column sorts.
const ROWS_AT_ONCE = 200;

class FunctionTable {
	constructor(table, more, page, model) {
		Object.assign(this, { table, more, page, model, sortKey: "self", descending: true, shown: ROWS_AT_ONCE });
		more.addEventListener("click", () => { this.shown += ROWS_AT_ONCE; this.fill(); });
	}

	// key, heading, value for sorting (null: none), text of it
	columns() {
		const { page, model } = this, c = page.column, f = this.sums.functions(), main = model.columns[c];
		const all = this.sums.total[c][0];
		const share = (from) => ({
			value: (i) => from[i],
			text: (i) => percent(from[i], all),
			title: (i) => amount(main, from[i]),
		});
		const list = [
			{ key: "self", head: "Self", ...share(f.self[c]) },
			{ key: "total", head: "Total", ...share(f.total[c]) },
			{ key: "samples", head: "Samples", value: (i) => f.selfSamples[c][i], text: (i) => grouped(f.selfSamples[c][i]) },
		];
		model.metrics.forEach((m) => list.push({
			key: m.key, head: m.heading, low: m.low,
			value: (i) => ratio(m, (x) => f.self[x][i], (x) => f.selfSamples[x][i]),
			text(i) { return metricText(m, this.value(i)); },
		}));
		model.columns.forEach((col, x) => x !== c && list.push({
			key: col.name, head: col.name, value: (i) => f.self[x][i], text: (i) => amount(col, f.self[x][i]),
		}));
		const { functions, modules } = model.data;
		list.push({ key: "module", head: "Module", words: true, value: (i) => modules[functions.module[i]],
			    text: (i) => modules[functions.module[i]] });
		list.push({ key: "function", head: "Function", words: true, value: (i) => functions.name[i],
			    text: (i) => functions.name[i] });
		return list;
	}

	show(sums) {
		this.sums = sums;
		this.list = this.columns();
		this.by = this.list.find((c) => c.key === this.sortKey) || this.list[0];
		this.sort();
		this.heads();
		this.fill();
	}

	sort() {
		const { model, page, by } = this, f = this.sums.functions(), rows = [];
		for (let i = 0; i < model.nFunctions; i++)
			if (model.columns.some((_, c) => f.total[c][i]) && (!page.matches || page.matches[i]))
				rows.push([by.value(i), i]);
		const sign = this.descending ? -1 : 1;
		rows.sort((a, b) => {
			if (a[0] === null || b[0] === null) // what has no value is last, either way
				return (a[0] === null) - (b[0] === null) || a[1] - b[1];
			return a[0] < b[0] ? -sign : a[0] > b[0] ? sign : a[1] - b[1];
		});
		this.rows = rows.map((r) => r[1]);
	}

	heads() {
		const tr = document.createElement("tr");
		for (const c of this.list) {
			const th = tr.appendChild(document.createElement("th"));
			const button = th.appendChild(document.createElement("button"));
			button.textContent = c.head;
			button.dataset.key = c.key;
			th.className = c.words ? "words" : "";
			th.scope = "col";
			if (c === this.by)
				th.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
			button.addEventListener("click", () => this.sortBy(c));
		}
		this.table.tHead.replaceChildren(tr);
	}

	// First the worst: what is great, but a low ratio where low is bad, and names from A.
	sortBy(c) {
		this.descending = c.key === this.sortKey ? !this.descending : !(c.low || c.words);
		this.sortKey = c.key;
		this.show(this.sums);
		const button = [...this.table.tHead.querySelectorAll("button")].find((b) => b.dataset.key === c.key);
		button.focus();
	}

	fill() {
		const body = document.createDocumentFragment();
		for (const i of this.rows.slice(0, this.shown))
			body.append(this.row(i));
		this.table.tBodies[0].replaceChildren(body);
		const left = this.rows.length - this.shown;
		this.more.hidden = left <= 0;
		this.more.textContent = `${grouped(Math.max(0, left))} more`;
	}

	row(i) {
		const tr = document.createElement("tr"), { functions } = this.model.data;
		tr.tabIndex = 0;
		for (const c of this.list) {
			const td = tr.appendChild(document.createElement("td"));
			td.textContent = c.text(i);
			td.className = c.words ? c.key : "";
			if (c.title)
				td.title = c.title(i);
			if (c.key === "function")
				td.title = functions.name[i].slice(0, 2000);
		}
		tr.addEventListener("click", () => this.page.chooseFunction(i));
		tr.addEventListener("keydown", (e) => e.key === "Enter" && this.page.chooseFunction(i));
		return tr;
	}
}
