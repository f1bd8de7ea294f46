"""LightRouter (arXiv 2505.16221) as a LangGraph component: many models start, the best go on, one answer comes out.

The public names and where they live are in `__init__.pyi`; each is loaded when it is first used, so that the command
line starts at once and importing the package costs nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
