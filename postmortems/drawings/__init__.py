"""Drawings as SVG made here: no script, colours by class for both themes, a text equal beside each.

They are drawn from rows and state nothing of their own; the same drawing stands in the page, on paper and in exports.
"""
