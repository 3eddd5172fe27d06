"""Reading what stacks have put out, as the engine answers."""

import asyncio

import pulumi
import pytest

import stacks

HALF_WRITTEN = "invocation of pulumi:pulumi:readStackOutputs returned an error: failed to load checkpoint: EOF"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answers that are still to come: an error's text, or nothing for outputs."""
    answers: list[str] = []

    async def invoke(_token: str, _arguments: dict[str, str]) -> dict[str, object]:
        if answer := answers.pop(0):
            raise Exception(answer)
        return {"outputs": {"hostname": "mx1.example.com"}}

    monkeypatch.setattr(pulumi.runtime, "invoke_async", invoke)
    monkeypatch.setattr(stacks, "READ_AGAIN_AFTER_S", (0.0, 0.0))
    return answers


def test_a_state_that_is_being_written_is_read_again(asked: list[str]):
    asked += [HALF_WRITTEN, HALF_WRITTEN, ""]
    assert asyncio.run(stacks.own_outputs()) == {"hostname": "mx1.example.com"}


def test_a_state_that_stays_broken_is_said_to_be(asked: list[str]):
    asked += [HALF_WRITTEN] * 3
    with pytest.raises(Exception, match="failed to load checkpoint"):
        asyncio.run(stacks.own_outputs())
    assert asked == []


def test_another_error_is_not_waited_for(asked: list[str]):
    asked += ["unknown stack", ""]
    with pytest.raises(Exception, match="unknown stack"):
        asyncio.run(stacks.own_outputs())
    assert asked == [""]
