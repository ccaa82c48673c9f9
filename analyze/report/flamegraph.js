// SPDX-License-Identifier: MIT
// The flame graph's behaviour: click to zoom, search, details on hover. Everything is drawn
// without it; it only moves and marks what is there. Frames carry their place in counts of the
// event (fg:x, fg:w), so that any part can be laid out at any width.
"use strict";
(function () {
	const PAD = 10, CHAR = 7.2, LABEL_PAD = 3, MIN_WIDTH = 480;
	const svg = document.documentElement;
	const byId = (id) => document.getElementById(id);
	const height = Number(svg.getAttribute("height"));
	let frames = [], zoomed = null, term = "";

	// "name (1,234 samples, 5.67%)", or with a ratio: "..., 5.67%, IPC 0.53)"
	const nameOf = (title) => title.replace(/ \([0-9,]+ samples, [0-9.]+%(, [^()]*)?\)$/, "");

	function readFrames() {
		for (const g of byId("frames").children) {
			const rect = g.querySelector("rect");
			const title = g.querySelector("title").textContent;
			frames.push({
				g, rect, title, name: nameOf(title), text: g.querySelector("text"),
				x: Number(rect.getAttribute("fg:x")), w: Number(rect.getAttribute("fg:w")),
				y: Number(rect.getAttribute("y")),
			});
		}
		frames.forEach((f) => { f.g.frame = f; });
	}

	function fit(name, width) {
		const letters = Array.from(name), room = Math.floor((width - 2 * LABEL_PAD) / CHAR);
		if (room < 3)
			return "";
		return letters.length <= room ? name : letters.slice(0, room - 2).join("") + "..";
	}

	// Frames overlap the zoomed one, lie beside it, or (below it in the picture) contain it.
	function place(f, z, scale, width) {
		const below = f.y > z.y;
		const inside = below ? f.x <= z.x && f.x + f.w >= z.x + z.w
				     : f.x >= z.x && f.x + f.w <= z.x + z.w;
		const shown = inside && (below || f.w * scale >= 0.1);

		f.g.classList.toggle("hidden", !shown);
		f.g.classList.toggle("above", shown && below);
		if (!shown)
			return;
		const x = below ? PAD : PAD + (f.x - z.x) * scale;
		const w = below ? width : f.w * scale;
		f.rect.setAttribute("x", x.toFixed(1));
		f.rect.setAttribute("width", w.toFixed(1));
		if (!f.text) {
			f.text = document.createElementNS("http://www.w3.org/2000/svg", "text");
			f.text.setAttribute("y", f.y + 12);
			f.g.appendChild(f.text);
		}
		f.text.setAttribute("x", (x + LABEL_PAD).toFixed(1));
		f.text.textContent = fit(f.name, w);
	}

	function layout() {
		const z = zoomed || frames[0];
		// the window without its scroll bar; some browsers say 0 for an SVG's root
		const outer = Math.max(svg.clientWidth || window.innerWidth, MIN_WIDTH);
		const width = outer - 2 * PAD;

		svg.setAttribute("width", outer);
		if (z)
			frames.forEach((f) => place(f, z, width / z.w, width));
		byId("unzoom").classList.toggle("hidden", !zoomed);
		stick();
	}

	// The head and foot stay in view when the graph is taller than the window.
	function stick() {
		const down = Math.max(0, height - window.innerHeight);
		const top = Math.min(window.scrollY, down);
		byId("head").setAttribute("transform", "translate(0," + top + ")");
		byId("foot").setAttribute("transform", "translate(0," + (top - down) + ")");
	}

	function zoom(f) {
		zoomed = f && f !== frames[0] ? f : null;
		layout();
	}

	// Capitals in the expression make it case-sensitive.
	function compile(text) {
		try {
			return new RegExp(text, text === text.toLowerCase() ? "i" : "");
		} catch (e) {
			byId("matched").textContent = "Not a regular expression: " + text;
			return null;
		}
	}

	// The share of the whole graph below the matches; a match inside a match counts once.
	function share(matches) {
		let covered = 0, end = 0;

		matches.sort((a, b) => a.x - b.x || b.w - a.w);
		for (const f of matches) {
			const from = Math.max(f.x, end), to = f.x + f.w;
			if (to > from)
				covered += to - from;
			end = Math.max(end, to);
		}
		return frames[0] ? 100 * covered / frames[0].w : 0;
	}

	function search(text) {
		const re = text ? compile(text) : null;
		const matches = re ? frames.filter((f) => f !== frames[0] && re.test(f.name)) : [];

		term = re ? text : "";
		frames.forEach((f) => f.g.classList.remove("match"));
		matches.forEach((f) => f.g.classList.add("match"));
		byId("search").textContent = term ? "Reset Search" : "Search";
		if (re)
			byId("matched").textContent = "Matched: " + share(matches).toFixed(1) + "%";
		else if (!text)
			byId("matched").textContent = "";
	}

	function ask() {
		const text = window.prompt("Find functions (a regular expression, ^hot_ for example):", term);
		if (text !== null)
			search(text);
	}

	const frameAt = (target) => {
		const g = target.closest ? target.closest("#frames > g") : null;
		return g ? g.frame : null;
	};

	function listen() {
		byId("frames").addEventListener("click", (e) => {
			const f = frameAt(e.target);
			if (f)
				zoom(f);
		});
		byId("frames").addEventListener("mouseover", (e) => {
			const f = frameAt(e.target);
			byId("details").textContent = f ? "Function: " + f.title : "";
		});
		byId("frames").addEventListener("mouseout", () => { byId("details").textContent = ""; });
		byId("unzoom").addEventListener("click", () => zoom(null));
		byId("search").addEventListener("click", () => term ? search("") : ask());
		window.addEventListener("keydown", (e) => {
			if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "f") {
				e.preventDefault();
				ask();
			} else if (e.key === "Escape") {
				search("");
			}
		});
		window.addEventListener("resize", layout);
		window.addEventListener("scroll", stick);
	}

	function start() {
		readFrames();
		svg.removeAttribute("viewBox"); // pixels from here on
		byId("search").classList.remove("hidden");
		listen();
		layout();
		window.scrollTo(0, height); // the root is at the bottom
	}

	start();
})();
