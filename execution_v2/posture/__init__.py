"""How much may be risked on what is known: one controller, pure, the same for every book."""

from execution_v2.posture.config import PostureConfig
from execution_v2.posture.control import step
from execution_v2.posture.view import view

__all__ = ["PostureConfig", "step", "view"]
