// SPDX-License-Identifier: Apache-2.0
// What became of a run, in plain words: its state, both streams as they come, always as text and never as markup, its last value.

import { makeDisplay, makeFile, release, saveLink } from "./display.js";

const MOST_SHOWN = 200_000; // characters of a stream; more is there to be saved
const DRAW_MS = 80;         // between two drawings: each costs what all that is shown costs
const READ_ALOUD = 2_000;   // characters of output that a screen reader may read out as they come
const $ = (id) => document.getElementById(id);

const streams = { stdout: null, stderr: null }; // { pre, more, parts, shown, waiting }
let timer = 0; // of the next drawing; 0: none is due
let drawnAt = 0;
let plain = []; // what the displays say of themselves in text

function openStream(pre, more) {
	pre.textContent = "";
	more.hidden = true;
	return { pre, more, parts: [], shown: 0, waiting: "" };
}

export function showState(kind, text) {
	$("state").className = `state ${kind}`;
	$("state").textContent = text;
}

export function showClock(text) {
	$("clock").textContent = text;
}

function showVerdict(text, line = 0) {
	$("verdict").textContent = text;
	$("line").textContent = `Line ${line}`;
	$("line").hidden = line === 0;
	$("line").dataset.line = line;
	$("verdict-part").hidden = text === "";
}

// Forgets the run before.
export function clear() {
	streams.stdout = openStream($("output"), $("output-more"));
	streams.stderr = openStream($("error"), $("error-more"));
	for (const part of ["error-part", "value-part", "displays-part", "files-part"])
		$(part).hidden = true;
	$("displays").replaceChildren();
	$("files").replaceChildren();
	$("output").dataset.empty = "";
	$("output").setAttribute("aria-live", "polite");
	plain = [];
	release();
	showVerdict("");
}

// What follows a carriage return takes the place of its line; one at its very end is of a line break.
function overwrite(line) {
	return line.slice(line.lastIndexOf("\r", line.length - 2) + 1);
}

// As a terminal would show it, without colours.
function write(pre, text) {
	const lines = text.replace(/\x1b\[[0-9;]*m/g, "").split("\n");

	if (overwrite(lines[0]) !== lines[0])
		pre.textContent = pre.textContent.slice(0, pre.textContent.lastIndexOf("\n") + 1);
	pre.append(lines.map(overwrite).join("\n"));
}

// Keeps the end in sight where it was.
function append(stream) {
	const { pre } = stream;
	const isAtEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4;
	const next = stream.waiting.slice(0, MOST_SHOWN - stream.shown);
	const text = next.endsWith("\r") ? next.slice(0, -1) : next; // a return waits for what follows

	stream.waiting = next.slice(text.length);
	stream.shown += text.length;
	write(pre, text);
	if (stream.shown > READ_ALOUD)
		pre.setAttribute("aria-live", "off");
	if (isAtEnd)
		pre.scrollTop = pre.scrollHeight;
}

function draw() {
	timer = 0;
	drawnAt = performance.now();
	for (const stream of Object.values(streams)) {
		if (stream.waiting)
			append(stream);
	}
	$("error-part").hidden = streams.stderr.parts.length === 0;
}

function showDisplay(display) {
	$("displays-part").hidden = false;
	$("displays").append(makeDisplay(display, $("displays").childElementCount + 1));
	plain.push(display["text/plain"]);
}

// An event of the stream, on its way.
export function take(event) {
	const stream = streams[event.event];

	if (event.event === "display")
		showDisplay(event.display);
	if (!stream)
		return;
	stream.parts.push(event.data);
	stream.waiting += event.data;
	timer = timer || setTimeout(draw, Math.max(0, drawnAt + DRAW_MS - performance.now()));
}

// Nothing more comes.
export function finish() {
	clearTimeout(timer);
	draw();
	for (const [name, stream] of Object.entries(streams)) {
		const rest = stream.parts.reduce((sum, part) => sum + part.length, 0) - stream.shown;
		if (rest <= 0)
			continue;
		stream.more.replaceChildren(`${rest.toLocaleString("en")} more characters are not shown. `, saveLink("Save all", `${name}.txt`, stream.parts));
		stream.more.hidden = false;
	}
	$("output").dataset.empty = "(nothing was printed)";
	if ($("results").getBoundingClientRect().top > innerHeight - 96)
		$("results").scrollIntoView(); // on a phone it lies below the program
}

export function formatMs(ms) {
	if (ms < 1000)
		return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
	return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
}

function formatBytes(bytes) {
	const mb = bytes / (1 << 20);
	return `${mb.toFixed(mb < 10 ? 1 : 0)} MB`;
}

const WORDS = { ok: "Finished", error: "Failed", signal: "Failed", pids: "Failed", disk: "Failed" }; // else it was stopped at a limit

function describe(verdict, stdin) {
	const { error } = verdict;

	if (verdict.verdict !== "error" || !error)
		return verdict.message;
	if (error.type === "EOFError" && stdin === "")
		return "EOFError: the program wanted more input than there was. Write it under “Input, files, limits”.";
	return error.message ? `${error.type}: ${error.message}` : error.type;
}

// The innermost line of the program itself.
export function failedLine(verdict) {
	const frames = verdict.error ? verdict.error.traceback.filter((one) => one.file === "/app/script.py") : [];
	return frames.length ? frames[frames.length - 1].line : 0;
}

export function showEnd(verdict, stdin) {
	const { usage } = verdict;
	const files = verdict.files.filter((file) => file.path !== "script.py");

	finish();
	showVerdict(describe(verdict, stdin), failedLine(verdict));
	$("value").textContent = verdict.result;
	$("value-part").hidden = verdict.result === null || plain.includes(verdict.result);
	$("files").replaceChildren(...files.map(makeFile));
	$("files-part").hidden = files.length === 0;
	showClock(formatMs(usage.wall_ms) + (usage.memory_peak_bytes ? `, ${formatBytes(usage.memory_peak_bytes)}` : ""));
	showState(verdict.verdict === "ok" ? "good" : "bad", WORDS[verdict.verdict] || "Stopped at a limit");
}

export function showProblem(text) {
	finish();
	$("output").dataset.empty = "";
	showVerdict(text);
	showClock("");
	showState("bad", "Not run");
}
