// SPDX-License-Identifier: MIT
// The flame graph's behaviour: click to zoom, search, details on hover, the same with the keyboard.
// Everything is drawn without it; it only moves and marks what is there. Frames carry their place
// in counts of the event (fg:x, fg:w, and fg:s of their own), so that any part can be laid out at
// any width. Only frames that can be seen are kept in the document: with 100,000 of them that is
// what zooming costs.
"use strict";
(function () {
	const PAD = 10, CHAR = 7.2, TITLE_CHAR = 10.3, LABEL_PAD = 3, MIN_WIDTH = 320, LEAST = 0.5, ROW = 16;
	const svg = document.documentElement;
	const byId = (id) => document.getElementById(id);
	const group = byId("frames");
	const height = Number(svg.getAttribute("height"));
	const inverted = group.hasAttribute("fg:inverted");
	let frames = [], shown = [], zoomed = null, focused = null, term = "";
	let elidedText = "", titleText = "", subtitleText = "", idleText = "";

	// "name (1,234 samples, 5.67%)", perhaps with ratios: "..., 5.67%, IPC 0.53)"
	const nameOf = (title) => title.replace(/ \([0-9,]+ samples, [0-9.]+%(, [^()]*)?\)$/, "");

	function readFrames() {
		const root = group.firstElementChild;
		const base = root ? Number(root.querySelector("rect").getAttribute("y")) : 0;
		for (const g of group.children) {
			const rect = g.querySelector("rect");
			const title = g.querySelector("title").textContent;
			frames.push({
				g, rect, title, name: nameOf(title), text: g.querySelector("text"),
				x: Number(rect.getAttribute("fg:x")), w: Number(rect.getAttribute("fg:w")),
				self: Number(rect.getAttribute("fg:s") || 0), y: Number(rect.getAttribute("y")),
				depth: Math.abs(Number(rect.getAttribute("y")) - base) / ROW,
			});
		}
		frames.forEach((f) => { f.g.frame = f; });
	}

	function fit(name, width, char = CHAR) {
		const room = Math.floor((width - 2 * LABEL_PAD) / char);
		if (room < 3)
			return "";
		const letters = name.length <= room ? name : Array.from(name.slice(0, 2 * room)).slice(0, room - 2).join("");
		return letters === name ? name : letters + "..";
	}

	function place(f, x, w, above) {
		f.g.classList.toggle("above", above);
		f.rect.setAttribute("x", x.toFixed(1));
		f.rect.setAttribute("width", w.toFixed(1));
		const label = fit(f.name, w);
		if (!f.text && label) {
			f.text = document.createElementNS("http://www.w3.org/2000/svg", "text");
			f.text.setAttribute("y", f.y + 12);
			f.g.appendChild(f.text);
		}
		if (!f.text)
			return;
		f.text.setAttribute("x", (x + LABEL_PAD).toFixed(1));
		f.text.textContent = label;
	}

	// Frames are what the zoomed one contains, lie beside it, or contain it.
	function layout() {
		const z = zoomed || frames[0];
		// the window without its scroll bar; some browsers say 0 for an SVG's root
		const outer = Math.max(svg.clientWidth || window.innerWidth, MIN_WIDTH);
		const width = outer - 2 * PAD, scale = z ? width / z.w : 0, inside = document.createDocumentFragment();
		let narrow = 0;

		svg.setAttribute("width", outer);
		shown = [];
		for (const f of frames) {
			const above = f.depth < z.depth;
			if (above ? f.x > z.x || f.x + f.w < z.x + z.w : f.x < z.x || f.x + f.w > z.x + z.w)
				continue;
			if (!above && f.w * scale < LEAST) {
				narrow++;
				continue;
			}
			if (above)
				place(f, PAD, width, true);
			else
				place(f, PAD + (f.x - z.x) * scale, f.w * scale, false);
			shown.push(f);
			inside.appendChild(f.g);
		}
		group.replaceChildren(inside);
		byId("unzoom").classList.toggle("hidden", !zoomed);
		write(outer, [elidedText, narrow ?
			`${narrow.toLocaleString("en-US")} more ${zoomed ? "at this zoom" : "until zoomed in"}` : ""]
			.filter(Boolean).join("; "));
		stick();
	}

	// Head and foot. Where what is left out does not fit beside the legend, it stands where details do, until there are some.
	function write(width, elided) {
		const fits = Number(byId("elided").getAttribute("x")) + CHAR * elided.length < width;
		byId("title").textContent = fit(titleText, width - 170, TITLE_CHAR); // less its buttons
		byId("subtitle").textContent = fit(subtitleText, width - PAD);
		byId("elided").textContent = fits ? elided : "";
		idleText = fits ? "" : elided;
		tell(null);
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

	function tell(f) {
		const self = f && f.self ? "; self " + (100 * f.self / frames[0].w).toFixed(2) + "%" : "";
		byId("details").textContent = f ? "Function: " + f.title + self : idleText;
	}

	// ---- the keyboard ----

	function focus(f) {
		if (focused)
			focused.g.classList.remove("focused");
		focused = f;
		if (!f)
			return;
		f.g.classList.add("focused");
		f.rect.scrollIntoView({ block: "nearest" });
		tell(f);
	}

	// What an arrow leads to: the widest callee, the caller, or what is beside.
	function neighbour(key) {
		const f = focused, out = inverted ? "ArrowDown" : "ArrowUp";
		const spans = (a, b) => a.x <= b.x && a.x + a.w >= b.x + b.w;
		if (key === "ArrowLeft" || key === "ArrowRight") {
			const row = shown.filter((g) => g.depth === f.depth);
			return row[row.indexOf(f) + (key === "ArrowLeft" ? -1 : 1)];
		}
		if (key !== out)
			return shown.find((g) => g.depth === f.depth - 1 && spans(g, f));
		return shown.filter((g) => g.depth === f.depth + 1 && spans(f, g)).sort((a, b) => b.w - a.w)[0];
	}

	function onGraphKey(e) {
		if (!focused || !shown.includes(focused))
			focus(zoomed || frames[0]);
		if (e.key.startsWith("Arrow"))
			focus(neighbour(e.key) || focused);
		else if (e.key === "Enter")
			zoom(focused);
		else
			return;
		e.preventDefault();
	}

	function onKey(e) {
		if (((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "f") || e.key === "/") {
			e.preventDefault();
			ask();
		} else if (e.key === "Escape") {
			if (term)
				search("");
			else
				zoom(null);
		}
	}

	function onButton(id, action) {
		byId(id).addEventListener("click", action);
		byId(id).addEventListener("keydown", (e) => {
			if (e.key === "Enter" || e.key === " ") {
				e.preventDefault();
				action();
			}
		});
	}

	function listen() {
		group.addEventListener("click", (e) => {
			const f = frameAt(e.target);
			if (f)
				zoom(f);
		});
		group.addEventListener("mouseover", (e) => tell(frameAt(e.target)));
		group.addEventListener("mouseout", () => tell(null));
		group.addEventListener("keydown", onGraphKey);
		group.addEventListener("focus", () => focus(focused && shown.includes(focused) ? focused : zoomed || frames[0]));
		group.addEventListener("blur", () => focused && focused.g.classList.remove("focused"));
		onButton("unzoom", () => zoom(null));
		onButton("search", () => term ? search("") : ask());
		window.addEventListener("keydown", onKey);
		window.addEventListener("resize", layout);
		window.addEventListener("scroll", stick);
	}

	// A phone shows what does not say this as if its screen were 980 pixels wide.
	function fitScreen() {
		const meta = document.createElementNS("http://www.w3.org/1999/xhtml", "meta");
		meta.setAttribute("name", "viewport");
		meta.setAttribute("content", "width=device-width");
		svg.appendChild(meta);
	}

	function start() {
		readFrames();
		svg.removeAttribute("viewBox"); // pixels from here on
		elidedText = byId("elided").textContent;
		titleText = byId("title").textContent;
		subtitleText = byId("subtitle").textContent;
		fitScreen();
		byId("search").classList.remove("hidden");
		group.setAttribute("tabindex", "0");
		group.setAttribute("role", "application");
		group.setAttribute("aria-label", "Frames: arrow keys move, Enter zooms, Escape zooms out, / searches");
		listen();
		if (frames.length)
			layout();
		if (!inverted)
			window.scrollTo(0, height); // the root is at the bottom
	}

	start();
})();
