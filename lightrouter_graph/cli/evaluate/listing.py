"""`lightrouter eval methods`."""

from rich.console import Console
from rich.table import Table

from lightrouter_graph.evaluation.methods.catalogue import BASELINES
from lightrouter_graph.evaluation.methods.corrupted import FORM
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS


def print_methods() -> None:
    """Print the names of all methods, and how settings are changed."""
    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is")
    for form, make in BASELINES.items():
        sample = make("NAME" if form.endswith("NAME") else "3" if form != "moa-N" else "2")
        table.add_row(form, sample.label.replace("3", "N"))
    for method in LIGHTROUTERS.values():
        table.add_row(method.name, method.label)
    table.add_row(FORM, "boots with injected errors")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "\nA LightRouter method takes settings: lightrouter:boot_tokens=64,top_k=3 (0 or all: none).", markup=False
    )
