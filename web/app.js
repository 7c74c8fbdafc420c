// SPDX-License-Identifier: Apache-2.0
// The page: what its buttons and fields do. How it is asked: client.js; what is shown of it: results.js; the text area: editor.js.

import { key, listEnvironments, Refusal, run as runProgram } from "./client.js";
import * as editor from "./editor.js";
import { examples } from "./examples.js";
import * as results from "./results.js";

const $ = (id) => document.getElementById(id);
let running = null; // the AbortController of the run under way

// What the page would like to have beside what is printed, the most first. Not every provider can do all of it: what is refused as
// unsupported is not asked for again.
const WISHES = [["outputs", "env", "last_value"], ["outputs", "env"], []];
let granted = 0;

// --- a run --------------------------------------------------------------------------------------------------------------------

function makeRequest() {
	const request = { code: editor.getText(), read_only: $("read-only").checked };
	const wishes = {
		outputs: $("outputs").value.split(/[\s,]+/).filter((glob) => glob !== ""),
		env: { PYTHONUNBUFFERED: "1" }, // what is printed is seen at once
		last_value: true,
	};

	for (const name of WISHES[granted])
		request[name] = wishes[name];
	if ($("stdin").value !== "")
		request.stdin = $("stdin").value;
	if ($("environment").value)
		request.environment = $("environment").value;
	if ($("seconds").value !== "")
		request.limits = { wall_ms: Math.round($("seconds").valueAsNumber * 1000) };
	return request;
}

function setRunning(controller) {
	const hadFocus = document.activeElement;

	running = controller;
	$("run").disabled = controller !== null;
	$("stop").hidden = controller === null;
	$("results").setAttribute("aria-busy", String(controller !== null));
	if (hadFocus === $("run") && controller)
		$("stop").focus(); // who works by keys is not thrown back to the top of the page
	else if (hadFocus === $("stop") && !controller)
		$("run").focus();
}

function onEvent(event) {
	if (event.event === "start")
		results.showState("running", "Running");
	results.take(event);
}

function showFailure(problem, isStopped, startedAt) {
	if (isStopped) {
		results.finish();
		results.showState("", "Stopped");
		results.showClock(results.formatMs(performance.now() - startedAt));
		return;
	}
	if (problem.status === 401)
		askForKey(key.get() ? "The server does not know this key." : "");
	results.showProblem(problem instanceof Refusal ? problem.message : `The server cannot be reached: ${problem.message}`);
}

async function runAsGranted(signal) {
	for (;;) {
		try {
			return await runProgram(makeRequest(), onEvent, signal);
		} catch (problem) {
			if (problem.code !== "unsupported" || granted === WISHES.length - 1)
				throw problem;
			granted++; // nothing ran
		}
	}
}

async function run() {
	if (running)
		return;
	const controller = new AbortController();
	const startedAt = performance.now();
	const tick = () => results.showClock(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`);

	setRunning(controller);
	editor.markLine(0);
	results.clear();
	results.showState("running", "Waiting");
	tick();
	const ticking = setInterval(tick, 100);
	try {
		const verdict = await runAsGranted(controller.signal);
		results.showEnd(verdict, $("stdin").value);
		editor.markLine(results.failedLine(verdict));
		if (verdict.error && verdict.error.type === "EOFError")
			$("options").open = true;
	} catch (problem) {
		showFailure(problem, controller.signal.aborted, startedAt);
	} finally {
		clearInterval(ticking);
		setRunning(null);
	}
}

// --- environments, and the key to them ------------------------------------------------------------------------------------------

function askForKey(why) {
	if (why)
		$("key-why").textContent = why;
	$("key-form").hidden = false;
}

// "science: numpy, pandas, matplotlib": what it has ready that base has not; "base: Python 3.11.2".
function describeEnvironment(environment, base) {
	const { name, python, preload } = environment;
	const more = (preload || []).filter((module) => !(base.preload || []).includes(module)).map((module) => module.split(".")[0]);

	if (more.length > 0)
		return `${name}: ${more.join(", ")}`;
	return python ? `${name}: Python ${python}` : name;
}

function chooseEnvironment(name) {
	$("environment").value = name;
}

export async function loadEnvironments() {
	try {
		const environments = await listEnvironments();
		const options = environments.map((one) => new Option(describeEnvironment(one, environments[0]), one.name));

		$("environment").replaceChildren(...options);
		$("environment").parentElement.hidden = false;
		$("key-form").hidden = true;
		$("forget").hidden = key.get() === "";
		listExamples(environments.map((one) => one.name));
	} catch (problem) {
		if (problem.status === 401)
			askForKey(key.get() ? "The server does not know this key." : "");
		else
			results.showProblem(problem instanceof Refusal ? problem.message : `The server cannot be reached: ${problem.message}`);
	}
}

function forgetKey() {
	key.set("");
	$("forget").hidden = true;
	loadEnvironments();
}

function onKey(event) {
	event.preventDefault();
	key.set($("key").value.trim());
	$("key").value = "";
	loadEnvironments();
}

// --- examples -------------------------------------------------------------------------------------------------------------------

function loadExample(example) {
	$("examples").open = false;
	editor.setText(example.code);
	$("stdin").value = example.stdin || "";
	$("seconds").value = example.seconds || "";
	$("options").open = Boolean(example.stdin || example.seconds);
	chooseEnvironment(example.environment);
	$("run").focus();
}

function listExamples(offered) {
	$("examples").querySelector("ul").replaceChildren(...examples.map((example) => {
		const item = document.createElement("li");
		const button = document.createElement("button");
		const about = document.createElement("small");
		const isOffered = offered.includes(example.environment);

		about.textContent = isOffered ? example.about : `This server has no environment “${example.environment}”.`;
		button.append(example.name, about);
		button.type = "button";
		button.disabled = !isOffered;
		button.addEventListener("click", () => loadExample(example));
		item.append(button);
		return item;
	}));
}

function closeExamples(event) {
	if (event.type === "keydown" && event.key === "Escape" && $("examples").open) {
		$("examples").open = false;
		$("examples").querySelector("summary").focus();
	} else if (event.type !== "keydown" && !$("examples").contains(event.target)) {
		$("examples").open = false;
	}
}

// --- all of it ------------------------------------------------------------------------------------------------------------------

// A page that is loaded again, or gone back to, has the program that it had.
const PROGRAM = "safexec-program";

function firstProgram() {
	const isNew = performance.getEntriesByType("navigation")[0].type === "navigate";
	return (!isNew && sessionStorage.getItem(PROGRAM)) || examples[0].code;
}

function onPageKey(event) {
	if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey))
		return;
	event.preventDefault();
	run();
}

editor.start(firstProgram());
listExamples(["base"]);
loadEnvironments();
document.addEventListener("keydown", onPageKey);
document.addEventListener("click", closeExamples);
document.addEventListener("focusin", closeExamples);
$("examples").addEventListener("keydown", closeExamples);
$("key-form").addEventListener("submit", onKey);
$("forget").addEventListener("click", forgetKey);
addEventListener("pagehide", () => sessionStorage.setItem(PROGRAM, editor.getText()));
$("run").addEventListener("click", run);
$("stop").addEventListener("click", () => running && running.abort());
$("line").addEventListener("click", () => editor.goToLine(Number($("line").dataset.line)));
