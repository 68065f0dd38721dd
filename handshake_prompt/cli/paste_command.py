"""The command `paste`: the answer of an agent without network access, shown and carried out. SPEC.md section 11."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from . import rendering
from .exit_codes import EXIT_CODES_IN_SHORT, Exit, fail, problem
from .foreign_text import NOTHING, name_text, value_text
from .replies import Members, as_agent, show
from .session_options import SessionOptions, takes_session
from .shapes import mappings
from .terminal import Cell, Terminal, is_watched, one_line, write
from .text_files import STANDARD_INPUT, read_text

if TYPE_CHECKING:
    from handshake_prompt.client import HandshakeAgent
    from handshake_prompt.forms.answered_form import Resolved
    from handshake_prompt.texts.answers.answer import Answer

MAX_BYTES = 1024 * 1024
"""More than any readable answer has."""


@click.command(
    help="Carry out the answer that a chat gave to the prompt.\n\n"
    "For an agent that cannot reach the server. FILE has its answer, with whatever stands around it; without FILE it "
    "is read from standard input. Lines that cannot be read are named. On a terminal you are shown what it asks for, "
    "and asked before anything is written.",
    epilog=EXIT_CODES_IN_SHORT,
)
@click.argument("file", type=click.Path(), default=STANDARD_INPUT)
@click.option("--preview", is_flag=True, help="Write nothing.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@takes_session
def paste(options: SessionOptions, *, file: str, preview: bool, yes: bool) -> None:
    """Run `paste`."""
    if file == STANDARD_INPUT == options.prompt:
        raise click.UsageError("Prompt and answer cannot both be on standard input: name a file for one of them.")
    options = options.in_parts()
    text = read_text(file, "answer", most=MAX_BYTES)
    context = as_agent(options, lambda agent: agent.get_context())
    answer, resolved = _read(text, context, options)
    unread = [fault._asdict() for fault in answer.faults]
    shown = {"preview": True, **resolved.members(), "questions": answer.ask, "unread": unread}
    if preview or not (yes or options.as_json or file == STANDARD_INPUT or _is_confirmed(shown)):
        show(shown, _preview, as_json=options.as_json)
        return
    reply = as_agent(options, partial(_carry_out, actions=resolved.actions, questions=answer.ask))
    reply |= {"lines": resolved.lines, "unread": unread}
    show(reply, _outcome, as_json=options.as_json)
    sys.exit(_exit_code(reply))


async def _carry_out(
    agent: HandshakeAgent, *, actions: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]]
) -> Members:
    """Write what an answer asks for, then ask its questions: each once, however often the answer is pasted."""
    reply = await agent.action(actions, stream=False, idempotency_key=_key(actions)) if actions else {"applied": []}
    return {**reply, "questions": [await _ask(agent, question) for question in questions]}


async def _ask(agent: HandshakeAgent, question: Mapping[str, Any]) -> Members:
    from handshake_prompt.client import RefusedError  # noqa: PLC0415 (takes time to load)

    told = {name: question[name] for name in ("text", "fields", "key") if name in question}
    try:
        opened = await agent.open_question(**told, expires_in=question.get("expiresIn"), idempotency_key=_key(question))
    except RefusedError as error:
        return {**told, "status": "error", "code": error.code, "msg": error.detail}
    return {**told, "request": opened["id"], "status": opened["status"]}


def _key(content: object) -> str:
    """Return the idempotency key of an answer, by the content of its actions."""
    return f"paste-{hashlib.sha256(json.dumps(content).encode()).hexdigest()}"


def _read(text: str, context: Mapping[str, Any], options: SessionOptions) -> tuple[Answer, Resolved]:
    """Return an answer and the actions that it asks for, on the condition that its agent has seen the page's values.

    Raises:
        SystemExit: it cannot be read, or answers another prompt; this has been reported.
    """
    from handshake_prompt.forms.answered_form import AnsweredForm  # noqa: PLC0415 (the types of fields take time to load)
    from handshake_prompt.forms.seen_state import conditional  # noqa: PLC0415 (as above)
    from handshake_prompt.texts.answers.answer import UnreadableAnswerError  # noqa: PLC0415 (as above)
    from handshake_prompt.texts.answers.reader import read_answer  # noqa: PLC0415 (as above)

    values = context.get("context") or {}
    form = AnsweredForm(context.get("schema"), values)
    try:
        answer = read_answer(text, form.names)
        resolved = form.resolve(answer)
    except UnreadableAnswerError as error:
        write([*_unread([fault._asdict() for fault in error.faults])] if not options.as_json else [])
        reported = problem(str(error), code="unreadable") | {"unread": [fault._asdict() for fault in error.faults]}
        fail(str(error), exit_code=Exit.USAGE, reported=reported if options.as_json else None)
    actions = conditional(resolved.actions, values, _seen(answer, options))
    return answer, resolved._replace(actions=actions)


def _seen(answer: Answer, options: SessionOptions) -> int | None:
    """Return the place in the log that an answer's prompt showed, None if it does not name its prompt.

    Raises:
        SystemExit: it names another one.
    """
    from handshake_prompt.protocol.credentials import digest_token  # noqa: PLC0415 (as above)
    from handshake_prompt.protocol.prompt_codes import shown_seq  # noqa: PLC0415 (as above)

    session_id, token = str(options.sid).lower(), str(options.token)
    seq = shown_seq(answer.code, session_id, digest_token(token)) if answer.code else None
    if (answer.code and seq is None) or answer.session_id.lower() not in ("", session_id):
        msg = "This answers another prompt."
        reported = problem(msg, code="other_prompt") if options.as_json else None
        fail(msg, next_step="Give the agent this prompt.", exit_code=Exit.USAGE, reported=reported)
    return seq


def _is_confirmed(shown: Members) -> bool:
    if not (is_watched() and sys.stdin is not None and sys.stdin.isatty()):
        return True
    write(_preview(shown, Terminal.of_stdout()))
    return click.confirm("Carry this out?", default=False)


def _preview(shown: Mapping[str, Any], terminal: Terminal) -> list[str]:
    rows = [
        [Cell(name_text(one["key"])), Cell(one["type"]), Cell(value_text(one["value"]) if "value" in one else NOTHING)]
        for one in shown["read"]
    ]
    lines = [terminal.paint(f"The answer asks for {len(rows)} changes", "head"), ""]
    lines += [*terminal.table(("FIELD", "CHANGE", "VALUE"), rows), ""]
    return [*lines, *map(_question, shown["questions"]), *_unread(shown["unread"])]


def _outcome(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    results = [
        {**entry, "line": line} for entry, line in zip(mappings(reply.get("results")), reply["lines"], strict=False)
    ]
    written = [] if "results" not in reply else rendering.action({**reply, "results": results}, terminal)
    return [*written, *map(_question, reply["questions"]), *_unread(reply["unread"])]


def _exit_code(reply: Mapping[str, Any]) -> Exit:
    """Return the exit code for a batch and its questions; a line that was not read counts as refused."""
    asked = [one["status"] == "error" for one in reply["questions"]]
    results = [*reply.get("results", ()), *({"status": "error" if failed else "applied"} for failed in asked)]
    results += [{"status": "error"} for _ in reply["unread"]]
    return rendering.exit_code({"results": results})


def _question(question: Mapping[str, Any]) -> str:
    text = value_text(question["text"])
    if question.get("status") == "error":
        return one_line(f"Not asked: {text}: {value_text(question['msg'])}")
    return one_line(f"Asked on the page: {text}" if "request" in question else f"Question to the person: {text}")


def _unread(faults: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for fault in faults:
        yield one_line(f"Line {fault['line']} was not read: {fault['msg']}: {value_text(fault['text'])}")
