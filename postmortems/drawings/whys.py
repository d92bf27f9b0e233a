"""The Five Whys drawn as a tree: each answer above the whys that ask about it."""

from __future__ import annotations

from django.utils.safestring import SafeString

from postmortems.drawings.tree import Box, draw_tree
from postmortems.whys import BranchTree


def draw_whys(tree: BranchTree) -> SafeString:
    """One branch; "" while it has no whys."""
    if not tree.nodes:
        return SafeString("")
    top = Box(tree.branch.question, label=str(tree.number), kind="top")
    path = [top]
    for node in tree.nodes:
        said = node.why.answer or node.asks
        box = Box(said, label=node.number, kind="plain" if node.why.answer else "open", url=f"#why-{node.why.pk}")
        path[node.depth :] = [path[node.depth], box]
        path[node.depth].below.append(box)
    words = " ".join(f"{node.number} {node.asks} {node.why.answer}".strip() for node in tree.nodes)
    return draw_tree(top, title=f"Whys of branch {tree.number}: {tree.branch.question}", description=words)
