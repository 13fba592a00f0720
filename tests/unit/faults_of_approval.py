"""What can be wrong with who approves: how to spoil a configuration, the path, a word of the remedy."""

from tests.unit.faults import Spoil

FAULTS_OF_APPROVAL: dict[str, tuple[Spoil, str, str]] = {
    "nobody who could approve": (
        lambda d: d.update(policies={"default": {"mode": "auto"}}),
        "policies.default",
        "approval.approvers",
    ),
    "an approver without a name": (
        lambda d: d.update(policies={"default": {"approval": {"approvers": ["ada", ""]}}}),
        "policies.default.approval.approvers[1]",
        "at least 1 character",
    ),
    "a blank approver": (
        lambda d: d.update(policies={"default": {"approval": {"approvers": ["  "]}}}),
        "policies.default.approval.approvers[0]",
        "one printable line",
    ),
    "an approver whom no answer can name": (
        lambda d: d.update(policies={"default": {"approval": {"approvers": ["ada\u200b"]}}}),
        "policies.default.approval.approvers[0]",
        "one printable line",
    ),
    "the program as its own approver": (
        lambda d: d.update(policies={"default": {"approval": {"approvers": ["Poolmedic"]}}}),
        "policies.default.approval.approvers[0]",
        "name a person",
    ),
    "an approver's route that is none": (
        lambda d: d.update(
            policies={"default": {"approval": {"approvers": ["ada"], "routes": {"ada": ["x"]}}}}
        ),
        "policies.default.approval.routes.ada[0]",
        "known: dba, lead, oncall",
    ),
    "routes of nobody who may approve": (
        lambda d: d.update(
            policies={
                "default": {"approval": {"approvers": ["ada"], "routes": {"eve": ["dba"]}}},
                "other": {},
            }
        ),
        "policies.default.approval.routes.eve",
        "known: ada",
    ),
    "two approvers who would read each other's link": (
        lambda d: d.update(
            policies={
                "default": {
                    "approval": {
                        "approvers": ["ada", "grace"],
                        "routes": {"ada": ["dba"], "grace": ["lead", "dba"]},
                    }
                }
            }
        ),
        "policies.default.approval.routes.grace[1]",
        "a route of ada too",
    ),
    "two approvers' routes to one address": (
        lambda d: (
            d["routes"].update(ada=["CHAT_URL", "LEAD_URL"]),
            d.update(
                policies={
                    "default": {
                        "approval": {
                            "approvers": ["ada", "grace"],
                            "people": 2,
                            "routes": {"ada": ["ada"], "grace": ["dba", "lead"]},
                        }
                    }
                }
            ),
        ),
        "policies.default.approval.routes.grace[1]",
        "lead leads to an address of ada's route ada (LEAD_URL); two people have to approve",
    ),
    "one approver as two people": (
        lambda d: d.update(
            policies={
                "default": {"approval": {"approvers": ["Jos\u00e9", "ada", "jose\u0301"]}},
                "two": {"approval": {"people": 2}},
            }
        ),
        "policies.two.approval.approvers[2]",
        "would count as another person; write it once",
    ),
    "an approver without any route": (
        lambda d: d.update(policies={"default": {"approval": {"approvers": ["ada"], "routes": {"ada": []}}}}),
        "policies.default.approval.routes.ada",
        "needs at least one",
    ),
    "one approver where two have to approve": (
        lambda d: d.update(policies={"default": {"approval": {"approvers": ["ada"], "people": 2}}}),
        "policies.default.approval",
        "name one more",
    ),
    "more people than two": (
        lambda d: d.update(policies={"default": {"approval": {"approvers": ["ada"], "people": 3}}}),
        "policies.default.approval.people",
        "less than or equal to 2",
    ),
}
