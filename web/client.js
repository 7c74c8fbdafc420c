// SPDX-License-Identifier: Apache-2.0
// What the page asks of the server: POST /v1/runs, whose answer is read as it happens, and the list of environments.

const KEY = "safexec-key"; // in sessionStorage: of this tab, and gone with it

export const key = {
	get: () => sessionStorage.getItem(KEY) || "",
	set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

// A request that the server has refused, or could not serve; what it says of that (problem+json), as far as it said anything.
export class Refusal extends Error {
	constructor(status, problem) {
		super((problem && problem.detail) || `The server answered with status ${status}.`);
		this.status = status;
		this.code = problem && problem.code;
	}
}

async function ask(path, options = {}) {
	const headers = { ...options.headers };

	if (key.get())
		headers.Authorization = `Bearer ${key.get()}`;
	const response = await fetch(path, { ...options, headers });
	if (!response.ok)
		throw new Refusal(response.status, await response.json().catch(() => null));
	return response;
}

export async function listEnvironments() {
	return (await (await ask("/v1/environments")).json()).environments;
}

// Calls onLine with each line of the stream; the last has its end too.
async function readLines(stream, onLine) {
	const reader = stream.getReader();
	const decoder = new TextDecoder();
	let parts = []; // of a line whose end has not come

	for (;;) {
		const { value, done } = await reader.read();
		if (done)
			return;
		const lines = decoder.decode(value, { stream: true }).split("\n");
		for (const end of lines.slice(0, -1)) {
			onLine(parts.join("") + end);
			parts = [];
		}
		parts.push(lines[lines.length - 1]);
	}
}

// Runs a program; onEvent gets every event of it. Returns the verdict. Throws a Refusal, or what fetch throws.
export async function run(body, onEvent, signal) {
	const headers = { "Content-Type": "application/json", Accept: "application/x-ndjson" };
	const response = await ask("/v1/runs", { method: "POST", headers, body: JSON.stringify(body), signal });
	let verdict = null;

	await readLines(response.body, (line) => {
		const event = JSON.parse(line);
		if (event.event === "problem")
			throw new Refusal(event.status, event);
		if (event.event === "verdict")
			verdict = event;
		else
			onEvent(event);
	});
	if (!verdict)
		throw new Error("the answer broke off");
	return verdict;
}
