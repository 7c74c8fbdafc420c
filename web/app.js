// SPDX-License-Identifier: Apache-2.0
// The page: sends the program to POST /run and shows what comes back, always as text and never as markup.
"use strict";

const MAX_CHARS = 5000;
const $ = (id) => document.getElementById(id);
const code = $("code");
let running = null; // the AbortController of the run under way

function countChars() {
	const chars = [...code.value].length; // code points, as the server counts
	$("count").textContent = `${chars.toLocaleString("en")} / ${MAX_CHARS.toLocaleString("en")}`;
	$("count").classList.toggle("over", chars > MAX_CHARS);
}

function showState(kind, text) {
	$("state").className = `state ${kind}`;
	$("state").textContent = text;
}

function showResult(output, error) {
	$("output").textContent = output;
	$("output").dataset.empty = "(nothing was printed)";
	$("error").textContent = error;
	$("error-part").hidden = error === "";
}

function formatMs(ms) {
	return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
}

// The run's own time as the server measured it, else the time as seen from here.
function runTime(response, startedAt) {
	const field = response.headers.get("Server-Timing") || "";
	const match = /(?:^|, )run;dur=([0-9.]+)/.exec(field);
	return match ? Number(match[1]) : performance.now() - startedAt;
}

function setRunning(controller) {
	running = controller;
	$("run").disabled = controller !== null;
	$("stop").hidden = controller === null;
	$("result-label").parentElement.parentElement.setAttribute("aria-busy", String(controller !== null));
}

async function askServer(signal) {
	const response = await fetch("/run", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ code: code.value, read_only: $("read-only").checked }),
		signal,
	});
	return { response, answer: await response.json() };
}

async function run() {
	if (running)
		return;
	const controller = new AbortController();
	const startedAt = performance.now();
	const showClock = () => { $("clock").textContent = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`; };
	const ticking = setInterval(showClock, 100);

	setRunning(controller);
	showState("running", "Running");
	showClock();
	try {
		const { response, answer } = await askServer(controller.signal);
		const hasRun = response.status === 200;
		showResult(answer.output || "", answer.success ? "" : answer.error);
		showState(answer.success ? "good" : "bad", answer.success ? "Finished" : hasRun ? "Failed" : "Not run");
		$("clock").textContent = hasRun ? formatMs(runTime(response, startedAt)) : "";
	} catch (problem) {
		const isStopped = controller.signal.aborted;
		showResult("", isStopped ? "" : `The server cannot be reached: ${problem.message}`);
		showState(isStopped ? "" : "bad", isStopped ? "Stopped" : "Not run");
		$("clock").textContent = "";
	} finally {
		clearInterval(ticking);
		setRunning(null);
	}
}

// Inserts as if typed, so that undo works; the fallback is for browsers without the command.
function insertText(text) {
	if (!document.execCommand("insertText", false, text)) {
		code.setRangeText(text, code.selectionStart, code.selectionEnd, "end");
		code.dispatchEvent(new Event("input"));
	}
}

function lineBeforeCursor() {
	const before = code.value.slice(0, code.selectionStart);
	return before.slice(before.lastIndexOf("\n") + 1);
}

let leavesWithTab = false; // Escape was pressed: the next Tab moves on

function onKey(event) {
	const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey && !event.isComposing;

	if (event.key === "Escape") {
		leavesWithTab = true;
		return;
	}
	if (event.key === "Tab" && isPlain && !leavesWithTab) {
		event.preventDefault();
		insertText(" ".repeat(4 - (lineBeforeCursor().length % 4)));
	} else if (event.key === "Enter" && isPlain) {
		const line = lineBeforeCursor();
		event.preventDefault();
		insertText(`\n${/^ */.exec(line)[0]}${/:\s*(#.*)?$/.test(line) ? "    " : ""}`);
	}
	if (event.key !== "Tab" && event.key !== "Shift")
		leavesWithTab = false;
}

code.addEventListener("keydown", onKey);
code.addEventListener("blur", () => { leavesWithTab = false; });
code.addEventListener("input", countChars);
document.addEventListener("keydown", (event) => {
	if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
		event.preventDefault();
		run();
	}
});
$("run").addEventListener("click", run);
$("stop").addEventListener("click", () => running && running.abort());
countChars();
