# SPDX-License-Identifier: Apache-2.0
"""api_docs.py OPENAPI.YAML PROBLEM.DEF JSON HTML: writes the API's description as JSON, and as a page for people without any outside part."""
import html
import json
import re
import sys

import yaml


def text(markdown):
    """Paragraphs and `code`; nothing else is written in the descriptions."""
    parts = html.escape(markdown.strip()).split("\n\n")
    return "".join("<p>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", part.replace("\n", " ")) + "</p>" for part in parts)


def inline(markdown):
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(" ".join(markdown.split())))


def reference(schema):
    name = schema["$ref"].rsplit("/", 1)[1]
    return f'<a href="#schema-{name}">{name}</a>'


def kind(schema):
    """What a value has to be, in few words."""
    if "$ref" in schema:
        return reference(schema)
    if "const" in schema:
        return f"<code>{html.escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " | ".join(f"<code>{html.escape(json.dumps(value))}</code>" for value in schema["enum"])
    for word in ("oneOf", "anyOf", "allOf"):
        if any("$ref" in part for part in schema.get(word, [])):
            return (" and " if word == "allOf" else " or ").join(kind(part) for part in schema[word])
    types = schema.get("type", "anything")
    name = " or ".join(types) if isinstance(types, list) else types
    if name == "array":
        return f"list of {kind(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {kind(schema['additionalProperties'])}"
    return name


BOUNDS = [("minimum", "from {:,}"), ("maximum", "to {:,}"), ("minLength", "at least {:,} characters"), ("maxLength", "at most {:,} characters"),
          ("minItems", "at least {:,}"), ("maxItems", "at most {:,}"), ("maxProperties", "at most {:,}")]


def bounds(schema, is_required):
    words = (["required"] if is_required else []) + [form.format(schema[name]) for name, form in BOUNDS if name in schema and (name, schema[name]) != ("minLength", 0)]
    if "default" in schema:
        words.append(f"default {json.dumps(schema['default'])}")
    return html.escape(", ".join(words))


def members(schema):
    rows = []
    for name, one in schema.get("properties", {}).items():
        limits = bounds(one, name in schema.get("required", []))
        about = inline(one.get("description", ""))
        rows.append(f"<tr><td><code>{name}</code></td><td>{kind(one)}</td><td>{limits}</td><td>{about}</td></tr>")
    if not rows:
        return ""
    return "<table><thead><tr><th>Member</th><th>Type</th><th>Range</th><th>About</th></tr></thead><tbody>" + "".join(rows) + "</tbody></table>"


def schema_section(name, schema):
    also = [reference(part) for part in schema.get("allOf", [])]
    return (f'<section id="schema-{name}"><h3>{name}</h3>{text(schema.get("description", ""))}'
            + (f"<p>All members of {', '.join(also)}{' and' if schema.get('properties') else '.'}</p>" if also else "")
            + (f"<p>{kind(schema)}</p>" if not schema.get("properties") and not also else "")
            + members(schema) + "</section>")


def examples(content):
    found = content.get("examples", {}) or ({"": {"value": content["example"]}} if "example" in content else {})
    return "".join(f"<figure><figcaption>{html.escape(one.get('summary', name))}</figcaption>"
                   f'<pre tabindex="0">{html.escape(json.dumps(one["value"], indent=2, ensure_ascii=False))}</pre></figure>' for name, one in found.items())


def response(status, one):
    if "$ref" in one:
        one = {"description": f"As {one['$ref'].rsplit('/', 1)[1]}"}
    kinds = "; ".join(f"<code>{html.escape(name)}</code> {kind(content['schema'])}" if "schema" in content else f"<code>{name}</code>"
                      for name, content in one.get("content", {}).items())
    return f"<tr><td><code>{status}</code></td><td>{inline(one.get('description', ''))}</td><td>{kinds}</td></tr>"


def operation(method, path, one):
    body = one.get("requestBody", {})
    contents = "".join(f"<p>Body: {kind(content['schema'])}. {inline(body.get('description', ''))}</p>{examples(content)}"
                       for content in body.get("content", {}).values())
    answers = "".join(response(status, answer) for status, answer in one["responses"].items())
    return (f'<section id="{one["operationId"]}"><h3><span class="method">{method.upper()}</span> <code>{path}</code></h3>'
            f"<p>{inline(one['summary'])}.</p>{text(one.get('description', ''))}{contents}"
            f"<table><thead><tr><th>Status</th><th>About</th><th>Content</th></tr></thead><tbody>{answers}</tbody></table></section>")


def problem_rows(table):
    for code, status, retryable, title in re.findall(r'^PROBLEM\(\w+, *"(\w+)", *(\d+), *(\w+), *"([^"]+)"\)', table, re.M):
        yield (f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td><code>{retryable.lower()}</code></td>'
               f"<td>{html.escape(title)}</td></tr>")


def with_callbacks(paths):
    """Each operation, and behind it what the server sends because of it."""
    for path, methods in paths.items():
        for method, one in methods.items():
            yield method, path, one
            for callback in one.get("callbacks", {}).values():
                yield from with_callbacks(callback)


def page(spec, problems):
    operations = list(with_callbacks(spec["paths"]))
    contents = "".join(f'<li><a href="#{one["operationId"]}">{method.upper()} {path}</a> <span>{inline(one["summary"])}</span></li>' for method, path, one in operations)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(spec["info"]["title"])}: API</title>
<link rel="stylesheet" href="/docs.css">
<link rel="icon" href="/icon.svg">
</head>
<body>
<main>
<h1>{html.escape(spec["info"]["title"])}: API {spec["info"]["version"]}</h1>
{text(spec["info"]["description"])}
<p>For programs: <a href="/openapi.json">openapi.json</a>. To try it: <a href="/">the page</a>.</p>
<nav aria-label="Contents"><ul>{contents}<li><a href="#problems">Problems</a></li><li><a href="#schemas">Schemas</a></li></ul></nav>
<h2 id="operations">Operations</h2>
{"".join(operation(*one) for one in operations)}
<h2 id="problems">Problems</h2>
<table><thead><tr><th>code</th><th>Status</th><th>retryable</th><th>About</th></tr></thead><tbody>{"".join(problem_rows(problems))}</tbody></table>
<h2 id="schemas">Schemas</h2>
{"".join(schema_section(*one) for one in spec["components"]["schemas"].items())}
</main>
</body>
</html>
"""


def main(source, problems, out_json, out_html):
    with open(source, encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    with open(problems, encoding="utf-8") as f:
        table = f.read()
    with open(out_json, "w", encoding="utf-8") as f:
        json.dump(spec, f, ensure_ascii=False, separators=(",", ":"))
    with open(out_html, "w", encoding="utf-8") as f:
        f.write(page(spec, table))


if __name__ == "__main__":
    main(*sys.argv[1:])
