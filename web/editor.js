// SPDX-License-Identifier: Apache-2.0
// The program's text area: indentation by keys that trap nobody, numbers beside the lines, and a mark on one of them.

const WIDTH = 4; // of a step of indentation

const code = document.getElementById("code");
const numbers = document.getElementById("numbers");
const mark = document.getElementById("mark");
let markedLine = 0; // 0: none

// Inserts as if typed, so that undo works; the fallback is for browsers without the command.
function insertText(text) {
	const done = text === "" ? document.execCommand("delete") : document.execCommand("insertText", false, text);

	if (!done) {
		code.setRangeText(text, code.selectionStart, code.selectionEnd, "end");
		code.dispatchEvent(new Event("input"));
	}
}

function lineBeforeCursor() {
	const before = code.value.slice(0, code.selectionStart);
	return before.slice(before.lastIndexOf("\n") + 1);
}

function selectsLines() {
	return code.value.slice(code.selectionStart, code.selectionEnd).includes("\n");
}

// Moves all lines that the selection touches, and selects them.
function shiftLines(isOut) {
	const from = code.value.lastIndexOf("\n", code.selectionStart - 1) + 1;
	const to = code.selectionEnd;
	const lines = code.value.slice(from, to);
	const shifted = isOut ? lines.replace(/^ {1,4}/gm, "") : lines.replace(/^(?=.)/gm, " ".repeat(WIDTH));

	code.setSelectionRange(from, to);
	insertText(shifted);
	code.setSelectionRange(from, from + shifted.length);
}

function breakLine() {
	const line = lineBeforeCursor();

	insertText(`\n${/^ */.exec(line)[0]}${/:\s*(#.*)?$/.test(line) ? " ".repeat(WIDTH) : ""}`);
}

let leavesWithTab = false; // Escape was pressed: the next Tab moves on, as it does everywhere else

// True when the key was for us.
function takeKey(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing)
		return false;
	if (event.key === "Tab" && !leavesWithTab && selectsLines())
		shiftLines(event.shiftKey);
	else if (event.key === "Tab" && !leavesWithTab && !event.shiftKey)
		insertText(" ".repeat(WIDTH - (lineBeforeCursor().length % WIDTH)));
	else if (event.key === "Enter" && !event.shiftKey)
		breakLine();
	else
		return false;
	return true;
}

function onKey(event) {
	if (takeKey(event))
		event.preventDefault();
	if (event.key !== "Tab" && event.key !== "Shift")
		leavesWithTab = event.key === "Escape";
}

function showNumbers() {
	const count = code.value.split("\n").length;

	if (numbers.childElementCount !== count)
		numbers.replaceChildren(...Array.from({ length: count }, (_, i) => {
			const number = document.createElement("div");
			number.textContent = i + 1;
			return number;
		}));
}

// Numbers and mark lie beside and behind the text, and go with it.
function follow() {
	const style = getComputedStyle(code);
	const top = parseFloat(style.paddingTop) + (markedLine - 1) * parseFloat(style.lineHeight) - code.scrollTop;

	numbers.style.transform = `translateY(${-code.scrollTop}px)`;
	mark.style.transform = `translateY(${top}px)`;
	mark.hidden = markedLine === 0;
}

export function markLine(line) {
	const previous = numbers.children[markedLine - 1];

	if (previous)
		previous.classList.remove("marked");
	markedLine = line;
	if (numbers.children[line - 1])
		numbers.children[line - 1].classList.add("marked");
	follow();
}

// Puts the cursor before the line, in sight.
export function goToLine(line) {
	const start = code.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);

	code.focus();
	code.setSelectionRange(start, start);
	code.scrollTop = (line - 3) * parseFloat(getComputedStyle(code).lineHeight);
}

export const getText = () => code.value;

// Replaces the whole program; undo brings the former back.
export function setText(text) {
	code.focus();
	code.select();
	insertText(text);
	code.setSelectionRange(0, 0);
	code.scrollTop = 0;
}

function onInput() {
	markLine(0);
	showNumbers();
}

export function start(text) {
	code.value = text;
	code.addEventListener("keydown", onKey);
	code.addEventListener("blur", () => { leavesWithTab = false; });
	code.addEventListener("input", onInput);
	code.addEventListener("scroll", follow, { passive: true });
	window.addEventListener("resize", follow); // narrow windows have taller lines
	onInput();
}
