"""Optimisation of a plan while it is still made of ops: folding, simplifying, merging. One file a
pass; plan_graph.py has what they share.

A pass changes a plan graph and keeps all values, bit for bit but for products.py and, in small
products, transposes.py; `optimise` runs those that are switched on.
"""

from __future__ import annotations

from flowcore.config import OptimizerOptions
from flowcore.runtime.passes.algebra import Simplifying
from flowcore.runtime.passes.columns import prune_columns
from flowcore.runtime.passes.folding import Evaluate, Failed, fold
from flowcore.runtime.passes.plan_graph import PlanGraph, Rule, rewrite
from flowcore.runtime.passes.products import join_products
from flowcore.runtime.passes.subexpressions import Merging
from flowcore.runtime.passes.transposes import share_transposes

__all__ = ["Evaluate", "Failed", "PlanGraph", "optimise"]


def optimise(graph: PlanGraph, options: OptimizerOptions, evaluate: Evaluate) -> None:
    """All passes that `options` switch on.

    The passes over single ops share one walk, so that each sees what the other has done.
    """
    if options.opt_level <= OptimizerOptions.L0:
        return
    if options.do_constant_folding:
        fold(graph, evaluate)
    rules: list[Rule] = []
    if options.do_algebraic_simplification:
        rules.append(Simplifying(graph))
    if options.do_common_subexpression_elimination:
        rules.append(Merging(graph))
    if rules:
        rewrite(graph, rules)
    if options.do_product_joining:
        join_products(graph)
    if options.do_column_pruning:
        prune_columns(graph)
    if options.do_transpose_sharing:
        share_transposes(graph)
