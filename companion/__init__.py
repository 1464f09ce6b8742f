"""Owns the reforms service: procedures, obligations, credit, lists, ledgers.

Never imports the internals of `inspection`.

The engine in one paragraph. A procedure is a file in ``config/procedures`` (`companion.definition`). A case file is the fold of
its events (`companion.evolve`). `companion.engine.decide(definition, case, command, context)` is pure and returns events;
`companion.service` looks up what it needs and writes events, journal, obligations, effects, pushes and facts for others in one
transaction. Commands are the classes of `companion.model`: Apply, Supply (a paper), Demand (an officer asks for a paper), Take
(a step), Confirm / Dismiss (a proposal), Recognise, ObjectTo, Answer, Lift (effects), Tick, Recount, Adopt.

    result = service.submit(services, actor, "network_freight_licence", Apply(subject=..., facts=..., documents=..., commitment_signed=True))
    result = service.act(services, actor, result.case.id, Take(step="find_false", facts={...}))
    result.case         the state after it            result.events       what happened
    result.reasons      why nothing was done (clauses in both languages); the attempt is on record
    service.act_in(...) the same in the caller's own transaction

Loops: `obligations.sweep(services)` each minute and at start, `push.deliver_due(services)` every two seconds.
Queries: `companion.store`. Terms in `core.events`: ``companion.<event type>`` and ``companion.<topic a step tells>``.
"""
