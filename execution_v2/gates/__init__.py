"""Every gate asks one question of one entry, and none can be handed an exit.

A gate is a function ``(entry, facts, config) -> findings``, an empty tuple when it passes. What it cannot
read it answers with its own code, never with a pass. ``table.GATES`` lists them in their order.
"""
