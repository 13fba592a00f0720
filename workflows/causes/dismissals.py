"""How a cause says that it is not there; and, where nothing would show it, that it cannot be told."""

from workflows.causes.symptoms import Symptoms
from workflows.wording import listed


def untold(question: str, why: str) -> str:
    """Neither yes nor no; `question` goes on after "whether", `why` is a clause or a sentence."""
    return f"Whether {question} cannot be told: {why.removesuffix('.')}."


def no_pool(symptoms: Symptoms, denial: str, question: str, condition: str = "is exhausted") -> str:
    """That no pool `condition`, which is known only of the pools that were read."""
    unread = [name for name in symptoms.readings if name not in symptoms.pools]
    if not unread:
        return f"{denial}: no pool {condition}."
    if not symptoms.pools:
        return untold(question, "no pool could be read")
    return untold(
        question, f"no pool that was read {condition}, and that of {listed(unread)} could not be read"
    )
