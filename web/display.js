// SPDX-License-Identifier: Apache-2.0
// Figures, tables and files that a program has left. They are a stranger's: images are shown as images, which run nothing; HTML in a
// frame that may run no script, has no origin, and may load nothing. Only plain elements and attributes are taken over; the frame's
// sandbox lets no script run and no link, form or refresh lead anywhere; its policy, which no document in it can loosen, allows no
// script and no request. tests/browser tries the last two without the first, and the policy alone.

const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"; // beside the page's own, which allows one style: ours
const ELEMENTS = new Set(("a abbr b bdi bdo blockquote body br caption cite code col colgroup dd del dfn div dl dt em figcaption figure h1 h2 h3 " +
	"h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub sup table tbody td tfoot th thead tr u ul var wbr").split(" "));
const DROPPED = "script, style, template, noscript, iframe, object, embed, title, svg, math, textarea, select"; // with all that is in them
const ATTRIBUTES = new Set("abbr alt colspan dir headers height lang rowspan scope span start title width".split(" "));
const IMAGES = ["image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp"];
const TEXTS = ["text/markdown", "text/latex", "application/json", "text/plain"];

const style = fetch("/display.css").then((response) => response.text());
let urls = []; // of what can be saved

function make(name, properties, ...children) {
	const element = Object.assign(document.createElement(name), properties);
	element.append(...children);
	return element;
}

// Frees what links of the run before have held.
export function release() {
	urls.forEach((url) => URL.revokeObjectURL(url));
	urls = [];
}

// Whatever it is, a browser that opens it in place of saving it is to take it for bytes.
export function saveLink(text, name, parts) {
	const url = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));

	urls.push(url);
	return make("a", { href: url, download: name }, text);
}

function decode(base64) {
	return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

// --- HTML ---------------------------------------------------------------------------------------------------------------------

function isKept(attribute) {
	return ATTRIBUTES.has(attribute.name) || (attribute.name === "src" && /^data:image\//i.test(attribute.value));
}

// Styles, which the policy refuses anyway: a browser tells of each refusal on its console, where it looks like a fault.
function withoutStyles(html) {
	return html.replace(/<style\b[\s\S]*?<\/style\s*>/gi, "").replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\sstyle\s*=/gi, " data-style="));
}

// Takes away all that is not plain text, tables and the like; no link, and nothing that has a browser look up a name.
function plainHtml(html) {
	const { body } = new DOMParser().parseFromString(withoutStyles(html), "text/html"); // a document that runs and loads nothing

	for (const element of body.querySelectorAll(DROPPED))
		element.remove();
	for (const element of [...body.querySelectorAll("*")]) {
		if (!ELEMENTS.has(element.localName)) {
			element.replaceWith(...element.childNodes);
			continue;
		}
		for (const attribute of [...element.attributes]) {
			if (!isKept(attribute))
				element.removeAttribute(attribute.name);
		}
	}
	return body;
}

// Nobody in the frame can say how high it is.
function guessRows(body) {
	return Math.min(Math.max(body.querySelectorAll("tr, p, li, br, h1, h2, h3").length, 2), 14);
}

export function fillFrame(frame, html, css) {
	frame.srcdoc = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">` +
		`<style>${css}</style></head><body>${html}</body></html>`;
}

function makeFrame(html, title) {
	const frame = make("iframe", { title });
	const body = plainHtml(html);

	frame.setAttribute("sandbox", "");
	frame.style.height = `${guessRows(body) * 1.9 + 1.5}rem`;
	style.then((css) => fillFrame(frame, body.innerHTML, css));
	return frame;
}

// --- one display --------------------------------------------------------------------------------------------------------------

function makeImage(type, data, alt, number) {
	const bytes = type === "image/svg+xml" ? data : decode(data);
	const url = type === "image/svg+xml" ? `data:${type};charset=utf-8,${encodeURIComponent(data)}` : `data:${type};base64,${data}`;
	const name = `figure-${number}.${type.slice("image/".length).split("+")[0]}`;

	return [make("img", { src: url, alt }), make("figcaption", {}, saveLink(`Save ${name}`, name, [bytes]))];
}

// The richest form that can be shown.
export function makeDisplay(display, number) {
	const image = IMAGES.find((type) => type in display);
	const text = TEXTS.find((type) => type in display);
	const title = `Display ${number}`;

	if (image)
		return make("figure", {}, ...makeImage(image, display[image], display["text/plain"] || title, number));
	if ("text/html" in display)
		return make("figure", {}, makeFrame(display["text/html"], title));
	return make("figure", {}, make("pre", { tabIndex: 0, textContent: text ? display[text] : `Of a kind that cannot be shown: ${Object.keys(display).join(", ")}` }));
}

// --- files --------------------------------------------------------------------------------------------------------------------

export function makeFile(file) {
	const size = ` ${file.size.toLocaleString("en")} bytes`;
	const name = file.path.split("/").pop();

	if (file.content === null)
		return make("li", {}, file.path, make("span", { className: "quiet" }, `${size}, too many to be sent`));
	const content = file.encoding === "base64" ? decode(file.content) : file.content;
	return make("li", {}, saveLink(file.path, name, [content]), make("span", { className: "quiet" }, size));
}
