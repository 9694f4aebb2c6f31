"""Optimisation of a plan while it is still made of ops: folding, simplifying, merging. One file a
pass; plan_graph.py has what they share.

A pass changes a plan graph and keeps all values, bit for bit but for products.py and, in small
products, transposes.py; `optimise` runs those that are switched on.
"""

from __future__ import annotations

from collections.abc import Collection

from flowcore.runtime.passes.algebra import Simplifying
from flowcore.runtime.passes.columns import prune_columns
from flowcore.runtime.passes.folding import Evaluate, Failed, fold
from flowcore.runtime.passes.plan_graph import PlanGraph, Rule, rewrite
from flowcore.runtime.passes.products import join_products
from flowcore.runtime.passes.subexpressions import Merging
from flowcore.runtime.passes.transposes import share_transposes

__all__ = ["Evaluate", "Failed", "PlanGraph", "optimise"]


def optimise(graph: PlanGraph, passes: Collection[str], evaluate: Evaluate) -> None:
    """The passes of these names, see `config.PASSES`.

    The passes over single ops share one walk, so that each sees what the other has done.
    """
    if "constant_folding" in passes:
        fold(graph, evaluate)
    rules: list[Rule] = []
    if "algebraic_simplification" in passes:
        rules.append(Simplifying(graph))
    if "common_subexpression_elimination" in passes:
        rules.append(Merging(graph))
    if rules:
        rewrite(graph, rules)
    if "product_joining" in passes:
        join_products(graph)
    if "column_pruning" in passes:
        prune_columns(graph)
    if "transpose_sharing" in passes:
        share_transposes(graph)
