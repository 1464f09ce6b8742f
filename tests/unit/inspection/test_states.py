"""Every state x action x role, every guard at both sides, and no way to `issued` with one signer."""

import itertools
from dataclasses import replace

import pytest

from config import ConfigError, pack_path
from core.auth import Role
from core.catalogue import error_text
from core.errors import AccessDenied, Refused
from inspection.states import GUARDS, ROLES, STATES, Facts, actor_role, load_machine, machine

# Written out by hand from the specification (section 4), not read from the table.
MOVES = {
    ("selected", "find_eligible"): ("eligible", {"inspector", "supervisor"}),
    ("selected", "refuse"): ("refused", {"inspector", "supervisor"}),
    ("eligible", "invite"): ("invited", {"inspector", "supervisor"}),
    ("invited", "agree"): ("appointed", {"crew_guest", "company_staff"}),
    ("rescheduled", "agree"): ("appointed", {"crew_guest", "company_staff"}),
    ("appointed", "reschedule"): ("rescheduled", {"inspector", "supervisor"}),
    ("invited", "reschedule"): ("rescheduled", {"inspector", "supervisor"}),
    ("rescheduled", "reschedule"): ("rescheduled", {"inspector", "supervisor"}),
    ("appointed", "prepare"): ("preparing", {"inspector", "supervisor"}),
    ("preparing", "start_session"): ("in_session", {"inspector"}),
    ("in_session", "suspend"): ("suspended", {"inspector"}),
    ("suspended", "resume"): ("in_session", {"inspector"}),
    ("in_session", "end_session"): ("drafting", {"inspector"}),
    ("suspended", "end_session"): ("drafting", {"inspector"}),
    ("drafting", "submit"): ("under_review", {"inspector"}),
    ("under_review", "return_to_draft"): ("drafting", {"supervisor"}),
    ("under_review", "approve"): ("approved", {"supervisor"}),
    ("approved", "issue"): ("issued", {"inspector", "supervisor"}),
    ("issued", "follow_up"): ("follow_up", {"inspector", "supervisor"}),
    ("follow_up", "close"): ("closed", {"inspector", "supervisor"}),
}
BEFORE_REVIEW = [
    "selected",
    "refused",
    "eligible",
    "invited",
    "appointed",
    "rescheduled",
    "preparing",
    "in_session",
    "suspended",
    "drafting",
]
for _state in BEFORE_REVIEW:
    MOVES[_state, "cancel"] = ("cancelled", {"inspector", "supervisor"})
for _state in [*BEFORE_REVIEW, "under_review", "approved"]:
    MOVES[_state, "convert_to_onboard"] = ("converted_to_onboard", {"inspector", "supervisor"})
for _state in ["under_review", "approved", "issued", "follow_up"]:
    MOVES[_state, "void"] = ("void", {"supervisor"})
CONTENT = {
    "bind_evidence", "record_call", "answer_item", "register_survey", "add_findings", "draw_dent", "decide_finding",
    "add_deficiency", "record_attendance", "act_on_deficiency", "override_attendance",
}  # fmt: skip
# What goes on beside the record: it changes no word of the report.
AUTHORITY = {"inspector", "supervisor"}
AFTER_SUBMIT = {"under_review", "approved", "issued", "follow_up"}
BESIDE = {
    "submit_rectification": ({"issued", "follow_up"}, {"company_staff", "crew_guest"}),
    "judge_rectification": ({"follow_up"}, AUTHORITY),
    "name_contact": (
        {"invited", "appointed", "rescheduled", "preparing", "in_session", "suspended", "drafting", *AFTER_SUBMIT}, AUTHORITY,
    ),
    "plan_appointment": ({"eligible", "invited", "rescheduled", "appointed"}, AUTHORITY),
    "state_duties": ({"invited", "rescheduled", "appointed"}, {"crew_guest"}),
    "ask_other_time": ({"invited", "rescheduled", "appointed"}, {"crew_guest", "company_staff"}),
    "detain": (AFTER_SUBMIT, {"supervisor"}),
    "release": (AFTER_SUBMIT, {"supervisor"}),
    "serve_notice": ({*AFTER_SUBMIT, "closed"}, AUTHORITY),
    "receive_order": (AFTER_SUBMIT, {"crew_guest"}),
    "record_refusal": (AFTER_SUBMIT, AUTHORITY),
    "record_appeal": ({*AFTER_SUBMIT, "closed"}, {*AUTHORITY, "company_staff"}),
    "write_addendum": ({"issued", "follow_up", "closed"}, AUTHORITY),
    "sign_addendum": ({"issued", "follow_up", "closed"}, {"supervisor"}),
    "record_outcome": ({"issued", "follow_up", "closed", "converted_to_onboard"}, AUTHORITY),
}  # fmt: skip


def facts(action, role):
    verdict = "attend_only" if action == "refuse" else "remote"
    detained = action == "release"
    grounds = 1 if action in {"detain", "override_attendance"} else 0
    return Facts(
        "u2", role, reason="why", verdict=verdict, submitted_by=frozenset({"u1"}), approved_by="u2", attended_by="u3",
        detained=detained, detention_grounds=grounds,
    )  # fmt: skip


def test_every_state_action_and_role():
    actions = set(machine().actions)
    assert actions == {action for _, action in MOVES} | CONTENT | set(BESIDE)
    allowed = 0
    for state, action, role in itertools.product(STATES, actions, ROLES):
        if action in CONTENT | set(BESIDE):
            continue
        wanted = MOVES.get((state, action))
        if wanted is None:
            with pytest.raises(Refused, match="step_refused"):
                machine().step(state, action, facts(action, role))
        elif role not in wanted[1]:
            with pytest.raises(AccessDenied):
                machine().step(state, action, facts(action, role))
        else:
            step = machine().step(state, action, facts(action, role))
            assert (step.action, step.from_state, step.to_state, step.moves) == (action, state, wanted[0], True)
            allowed += 1
    assert allowed == sum(len(roles) for _, roles in MOVES.values())


def test_content_is_frozen_by_issue_and_never_moves_the_case():
    for state, action, role in itertools.product(STATES, CONTENT, ROLES):
        try:
            step = machine().step(state, action, facts(action, role))
        except Refused:
            continue
        assert (step.action, step.from_state, step.to_state, step.moves) == (action, state, state, False)
        assert role in {"inspector", "supervisor", "drone_operator", "system"}
        assert state not in {"approved", "issued", "closed", "cancelled", "void", "converted_to_onboard", "selected", "refused"}
        assert state != "follow_up" or action == "act_on_deficiency"


def test_what_stands_beside_the_record():
    allowed = {}
    for state, action, role in itertools.product(STATES, BESIDE, ROLES):
        try:
            step = machine().step(state, action, facts(action, role))
        except (Refused, AccessDenied):
            continue
        assert (step.from_state, step.to_state, step.moves) == (state, state, False)
        allowed.setdefault(action, set()).add((state, role))
    assert allowed == {action: set(itertools.product(states, roles)) for action, (states, roles) in BESIDE.items()}


GOOD = facts("approve", "inspector")
SIDES = {
    "has_reason": ({"reason": "x"}, {"reason": "  "}),
    "verdict_allows_remote": ({"verdict": "remote_then_attend"}, {"verdict": "attend_only"}),
    "verdict_refuses_remote": ({"verdict": "none_due"}, {"verdict": "remote"}),
    "conditions_confirmed": ({}, {"open_conditions": frozenset({"network"})}),
    "findings_decided": ({}, {"undecided_findings": 1}),
    "another_person": ({}, {"submitted_by": frozenset({"u1", "u2"})}),
    "detention_attended": ({"detention_grounds": 1}, {"detention_grounds": 1, "attended_by": None}),
    "two_signers": ({}, {"approved_by": "u1"}),
    "deficiencies_ended": ({}, {"open_deficiencies": 1}),
    "has_ground": ({"detention_grounds": 1}, {"detention_grounds": 0}),
    "not_detained": ({}, {"detained": True}),
    "is_detained": ({"detained": True}, {}),
    "grounds_ended": ({}, {"grounds_open": 1}),
    "attended": ({}, {"attended_by": None}),
}


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_guard_at_both_sides(name):
    good, bad = SIDES[name]
    assert GUARDS[name](replace(GOOD, **good))
    assert not GUARDS[name](replace(GOOD, **bad))


@pytest.mark.parametrize("missing", [{"approved_by": None}, {"submitted_by": frozenset()}])
def test_issue_needs_both_signatures(missing):
    with pytest.raises(Refused, match="two_signers"):
        machine().step("approved", "issue", replace(GOOD, **missing))


def test_an_override_stands_in_for_attendance_but_never_lifts_a_detention():
    written = replace(GOOD, detention_grounds=1, attended_by=None, attendance_overridden=True)
    assert GUARDS["detention_attended"](written)
    assert not GUARDS["attended"](written)
    asked = replace(facts("release", "supervisor"), attended_by=None, attendance_overridden=True)
    with pytest.raises(Refused, match=r"guard\.attended"):
        machine().step("follow_up", "release", asked)


@pytest.mark.parametrize(("state", "action"), [("follow_up", "close"), ("issued", "void"), ("approved", "convert_to_onboard")])
def test_a_case_with_a_standing_detention_does_not_end(state, action):
    with pytest.raises(Refused, match="not_detained"):
        machine().step(state, action, replace(facts(action, "supervisor"), detained=True))


def _reach(people):
    """States reachable by these people, each holding every role, over all orders of steps."""
    start = ("selected", frozenset(), None)
    seen, todo = {start}, [start]
    while todo:
        state, submitted, approved = todo.pop()
        for action, role, who in itertools.product(machine().actions, ROLES, people):
            ask = replace(facts(action, role), actor=who, submitted_by=submitted, approved_by=approved)
            try:
                step = machine().step(state, action, ask)
            except Refused:
                continue
            after = (
                step.to_state,
                submitted | {who} if action == "submit" else submitted,
                who if action == "approve" else approved,
            )
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return {state for state, _, _ in seen}


def test_no_path_to_issued_with_one_signer():
    assert "issued" not in _reach(["u1"])
    assert "issued" in _reach(["u1", "u2"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('guards = ["findings_decided"]', 'guards = ["nonsense"]', "m.toml: step 'submit' names an unknown guard 'nonsense'"),
        (
            'from = ["issued"]',
            'from = ["closed"]',
            "m.toml: step 'follow_up' starts from 'closed', which is final or not listed",
        ),
        (
            'from = ["eligible"]\nto = "invited"',
            'from = ["eligible", "eligible"]\nto = "invited"',
            "m.toml: two steps 'invite' from 'eligible'",
        ),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, old, new, said):
    text = pack_path("statemachine", "inspection.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "m.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_machine(path)
    assert str(caught.value) == said


REFUSALS = [  # state, action, role, what is wrong, kind of error, code, said in zh, said in en
    ("closed", "approve", "supervisor", {}, Refused, "inspection.step_refused",
     "处于“closed”状态时不能执行“approve”", "'approve' is not possible while the case is 'closed'"),
    ("drafting", "fly", "inspector", {}, Refused, "inspection.step_refused",
     "处于“drafting”状态时不能执行“fly”", "'fly' is not possible while the case is 'drafting'"),
    ("under_review", "approve", "inspector", {}, AccessDenied, "inspection.role_refused",
     "角色“inspector”不能执行“approve”", "The role 'inspector' may not do 'approve'"),
    ("drafting", "cancel", "inspector", {"reason": None}, Refused, "inspection.guard.has_reason",
     "“cancel”需要写明理由", "'cancel' needs a reason"),
    ("under_review", "approve", "supervisor", {"submitted_by": frozenset({"u2"})}, Refused, "inspection.guard.another_person",
     "审核人不能是提交人", "The person who submitted may not approve"),
    ("under_review", "approve", "supervisor", {"detention_grounds": 1, "attended_by": None}, Refused,
     "inspection.guard.detention_attended", "有滞留依据，但尚无人登轮核实", "There is a ground for detention but nobody has attended"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "action", "role", "wrong", "kind", "code", "zh", "en"), REFUSALS)
def test_a_refusal_says_what_was_tried_and_why_not(state, action, role, wrong, kind, code, zh, en):
    with pytest.raises(Refused) as caught:
        machine().step(state, action, replace(facts(action, role), **wrong))
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert (error_text(caught.value, "zh").title, error_text(caught.value, "en").title) == (zh, en)
    assert caught.value.params["action"] == action
    assert code == "inspection.role_refused" or caught.value.params["state"] == state


def test_the_first_guard_that_fails_is_the_one_named():
    both = replace(facts("approve", "supervisor"), submitted_by=frozenset({"u2"}), detention_grounds=1, attended_by=None)
    with pytest.raises(Refused, match=r"^inspection\.guard\.another_person"):
        machine().step("under_review", "approve", both)


@pytest.mark.parametrize(
    ("state", "role", "menu"),
    [
        ("selected", "inspector", ["cancel", "convert_to_onboard", "find_eligible", "refuse"]),
        ("invited", "crew_guest", ["agree"]),
        ("invited", "company_staff", ["agree"]),
        ("invited", "inspector", ["cancel", "convert_to_onboard", "reschedule"]),
        ("under_review", "supervisor",
         ["approve", "convert_to_onboard", "override_attendance", "record_attendance", "return_to_draft", "void"]),
        ("under_review", "inspector", ["bind_evidence", "convert_to_onboard", "record_attendance", "record_call"]),
        ("in_session", "drone_operator", ["register_survey"]),
        ("issued", "inspector", ["follow_up"]),
        ("issued", "supervisor", ["follow_up", "void"]),
        ("issued", "company_staff", []),
        ("follow_up", "inspector", ["act_on_deficiency", "close"]),
        ("under_review", "auditor", []),
        ("closed", "supervisor", []),
    ],
)  # fmt: skip
def test_the_menu_of_a_role(state, role, menu):
    assert [action for action in machine().allowed(state, role) if action not in BESIDE] == menu


def test_what_the_menu_offers_is_what_a_role_may_do():
    for state, role in itertools.product(STATES, ROLES):
        may = [action for (at, action), (_, roles) in MOVES.items() if at == state and role in roles]
        assert [action for action in machine().allowed(state, role) if action not in CONTENT | set(BESIDE)] == sorted(may)


def test_a_table_read_afresh_gives_the_same_life():
    fresh = load_machine(pack_path("statemachine", "inspection.toml"))
    assert (fresh.version, fresh.initial) == ("2026-11-24", "selected")
    assert fresh.final == {"converted_to_onboard", "cancelled", "closed", "void"}
    assert fresh.actions == sorted({action for _, action in MOVES} | CONTENT | set(BESIDE))
    assert fresh.step("eligible", "invite", facts("invite", "inspector")).to_state == "invited"
    for state, role in itertools.product(fresh.final, ROLES):
        assert set(fresh.allowed(state, role)) <= set(BESIDE)  # what is added after the end moves nothing


def test_a_step_out_of_a_state_that_is_not_listed_is_refused(tmp_path):
    text = pack_path("statemachine", "inspection.toml").read_text(encoding="utf-8")
    path = tmp_path / "m.toml"
    path.write_text(
        text.replace('"selected", "refused", "eligible", "invited",', '"selected", "refused", "eligible",', 1), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=r"^m\.toml: step 'agree' starts from 'invited', which is final or not listed$"):
        load_machine(path)


def test_every_signed_in_role_is_a_role_of_the_machine():
    known = {role for role in Role if role.value in ROLES}
    assert {actor_role(role) for role in known} | {"system"} == set(ROLES)
    for role in set(Role) - known:
        with pytest.raises(AccessDenied):
            actor_role(role)
