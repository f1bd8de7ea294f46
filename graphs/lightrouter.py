"""LightRouter alone; every setting of `Context` can be changed in Studio's panel."""

from graphs.pool import open_pool
from lightrouter_graph import create_lightrouter

graph = create_lightrouter(open_pool()).compile(name="lightrouter")
