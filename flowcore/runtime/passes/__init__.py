"""Optimisation of a plan while it is still made of ops: folding, simplifying, merging. One file a pass; plan_graph.py has what they share.

A pass is a function from plan graph to plan graph and keeps all values, bit for bit but for products.py; `optimise` runs those that are switched on.
"""

from __future__ import annotations

from flowcore.config import OptimizerOptions
from flowcore.runtime.passes.algebra import Simplifying
from flowcore.runtime.passes.folding import Evaluate, Failed, fold
from flowcore.runtime.passes.plan_graph import PlanGraph, Rule, prune, rewrite
from flowcore.runtime.passes.products import join_products
from flowcore.runtime.passes.subexpressions import Merging

__all__ = ["Evaluate", "Failed", "PlanGraph", "optimise", "prune"]


def optimise(graph: PlanGraph, options: OptimizerOptions, evaluate: Evaluate) -> PlanGraph:
    """The plan after all passes that `options` switch on. The passes over single ops share one walk, so that each sees what the other has done."""
    if options.opt_level <= OptimizerOptions.L0:
        return graph
    if options.do_constant_folding:
        graph = fold(graph, evaluate)
    rules: list[Rule] = []
    if options.do_algebraic_simplification:
        rules.append(Simplifying(graph.fed))
    if options.do_common_subexpression_elimination:
        rules.append(Merging(graph.fed))
    graph = rewrite(graph, rules) if rules else graph
    return join_products(graph) if options.do_product_joining else graph
