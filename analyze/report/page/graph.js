// SPDX-License-Identifier: MIT
// Which frames a graph has: the call tree below some nodes ("down": what they called), or the
// stacks above them ("up": who called them), merged by function, and only as far as they are seen.
// All graphs of the page are this, from other nodes.
//
// members: the nodes that one frame stands for; up: {at, w, s}, the node that was reached from one
// below it and that one's weight.
class Graph {
	constructor(sums, column, up, heavyFirst) {
		Object.assign(this, { sums, model: sums.model, column, up, heavyFirst });
		this.frames = [];
		this.depth = 0;
		this.elided = 0;
		this.elidedWeight = 0;
	}

	// All of the run; by the functions in which it was, or from the root.
	static whole(sums, column, up, heavyFirst) {
		const g = new Graph(sums, column, up, heavyFirst);
		g.total = sums.total[column][0];
		g.samples = sums.samples[column][0];
		g.start = up ? g.leaves() : [0];
		return g;
	}

	// Of one function: its callers or its callees, counted once where it calls itself.
	static of(sums, column, up, heavyFirst, fn) {
		const g = new Graph(sums, column, up, heavyFirst), m = sums.model, found = [];
		for (let i = 1; i < m.parent.length; i++)
			if (m.outermost[i] && m.functionOf(m.code[i]) === fn && sums.total[column][i])
				found.push(i);
		g.total = found.reduce((t, i) => t + sums.total[column][i], 0);
		g.samples = found.reduce((t, i) => t + sums.samples[column][i], 0);
		g.start = up ? found.map((i) => ({ at: i, w: i })) : found;
		g.rootCode = fn * 2;
		g.ofTotal = true;
		return g;
	}

	leaves() {
		const self = this.sums.self[this.column], out = [];
		for (let i = 1; i < self.length; i++)
			if (self[i])
				out.push({ at: 0, first: i, w: i });
		return out;
	}

	weightOf(member) {
		if (!this.up)
			return this.sums.total[this.column][member];
		return (this.ofTotal ? this.sums.total : this.sums.self)[this.column][member.w];
	}

	// Sums of any event over members, for details.
	sumOf(frame, column, samples) {
		const s = this.sums;
		const from = !this.up || this.ofTotal ? (samples ? s.samples : s.total)
						      : (samples ? s.selfSamples : s.self);
		return frame.members.reduce((t, m) => t + from[column][this.up ? m.w : m], 0);
	}

	selfOf(frame) {
		return this.up ? null : frame.members.reduce((t, m) => t + this.sums.self[this.column][m], 0);
	}

	// The frames next to these, by code.
	groups(members) {
		const m = this.model, groups = new Map();
		const put = (code, member) => {
			let g = groups.get(code);
			if (!g)
				groups.set(code, g = { code, members: [], weight: 0 });
			g.members.push(member);
			g.weight += this.weightOf(member);
		};
		for (const member of members) {
			if (this.up) {
				const next = member.first || m.parent[member.at];
				if (next)
					put(m.code[next], { at: next, w: member.w });
			} else {
				for (let c = m.firstChild[member]; c; c = m.nextSibling[c])
					if (this.sums.total[this.column][c])
						put(m.code[c], c);
			}
		}
		return groups;
	}

	// Lay out below the frame that `path` (codes from the root) leads to, leaving out what is
	// narrower than `least` of it. x and w are parts of that frame's width.
	layout(path, least) {
		let at = { code: this.rootCode === undefined ? -1 : this.rootCode, members: this.start, weight: this.total };
		const kept = [];
		this.frames = [this.frame(at, 0, 0, 1, null, path.length > 0)];
		for (const code of path) {
			const next = this.groups(at.members).get(code);
			if (!next)
				break;
			kept.push(code);
			at = next;
			this.frames.push(this.frame(at, kept.length, 0, 1, this.frames[kept.length - 1], true));
		}
		const top = this.frames[kept.length];
		top.above = false;
		this.depth = kept.length;
		this.elided = this.elidedWeight = 0;
		this.expand(top, least);
		return kept;
	}

	frame(group, depth, x, w, parent, above) {
		return { code: group.code, members: group.members, weight: group.weight, depth, x, w, parent,
			 above, children: [] };
	}

	expand(top, least) {
		const todo = [top], whole = top.weight || 1;
		while (todo.length) {
			const f = todo.pop();
			let x = f.x;
			this.depth = Math.max(this.depth, f.depth);
			for (const g of this.ordered(this.groups(f.members))) {
				const w = g.weight / whole;
				if (w < least) {
					this.elided++;
					this.elidedWeight += g.weight;
				} else {
					const child = this.frame(g, f.depth + 1, x, w, f, false);
					f.children.push(child);
					this.frames.push(child);
					todo.push(child);
				}
				x += w;
			}
		}
	}

	ordered(groups) {
		const m = this.model, list = [...groups.values()];
		const byName = (a, b) => {
			const x = m.nameOf(a.code), y = m.nameOf(b.code);
			return x < y ? -1 : x > y ? 1 : a.code - b.code;
		};
		return list.sort(this.heavyFirst ? (a, b) => b.weight - a.weight || byName(a, b) : byName);
	}
}
