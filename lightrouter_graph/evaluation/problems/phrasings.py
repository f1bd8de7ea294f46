"""How the problems are worded: several phrasings per kind, some of each kind held out of training.

``{a}`` to ``{d}`` are the numbers; ``{name}``, ``{other}`` two children; ``{things}``, ``{items}`` what is counted.
Of ``[box|bag]`` one is said, and ``[maybe ]`` is said or not.
Each phrasing is filed under what is done with its numbers.
"""

NAMES = (
    *("Mia", "Ben", "Ana", "Tom", "Lea", "Sam", "Eva", "Max", "Zoe", "Leo"),
    *("Ida", "Jon", "Amy", "Raj", "Lin", "Omar", "Nora", "Paul", "Rosa", "Hugo"),
)
THINGS = (
    *("apples", "books", "stamps", "marbles", "cards", "pens", "shells", "coins", "stickers", "beads"),
    *("eggs", "plums", "nuts", "balls", "toys", "cups", "leaves", "stones", "flowers", "tickets"),
)

SEEN: dict[str, tuple[str, ...]] = {
    "a+b": (
        "{name} has {a} {things} and [gets|finds|buys] {b} more. How many {things} does {name} have [now|then|in all]?",
        "{name} has {a} {things} and {other} has {b} {things}. How many {things} do they have [together|in all]?",
        "[There are|{name} puts] {a} red {things} and {b} blue {things} in a [box|bag]. "
        "How many {things} are in the [box|bag]?",
        "[What|How much] is {a} plus {b}?",
        "{name} [finds|buys|sells] {a} {things} in the morning and {b} in the evening. "
        "How many {things} is that [together|in all]?",
        "A box costs {a} dollars and a bag costs {b} dollars. How many dollars do they cost together?",
        "How many are {a} {things} and {b} {things}?",
        "There are {a} {things} in a [box|bag]. {name} [adds|puts] {b} more. How many {things} are there [now|then]?",
        "{name} [gets|wins|picks] {a} {things} and [then ]{b} more. How many [{things} ]is that?",
        "{name} has {a} {things}. {other} gives {name} {b} more. How many {things} does {name} have now?",
        "{name} reads {a} pages on one day and {b} pages on the next. How many pages does {name} read?",
    ),
    "a-b": (
        "{name} has {a} {things} and [gives|sells] {b} to {other}. How many {things} [are left|does {name} have left]?",
        "{name} has {a} {things} and {other} has {b} {things}. How many more {things} does {name} have?",
        "There are {a} {things} in a [box|bag]. {name} takes [out ]{b}[ of them]. How many {things} are left[ in it]?",
        "[What|How much] is {a} minus {b}?",
        "{name} has {a} dollars and spends {b} dollars. How many dollars are left?",
        "A bag costs {a} dollars and a box costs {b} dollars. How many dollars cheaper is the box?",
        "{name} needs {a} {things} and has {b}. How many {things} are missing?",
        "Of {a} {things} {b} are [sold|lost|given to {other}]. How many {things} are left?",
        "{name} [buys|gets|wins|picks] {a} {things} and [sells|loses|gives away] {b}[ of them]. "
        "How many {things} does {name} have [now|then]?",
        "{name} has {b} {things} less than {other}, who has {a}. How many {things} does {name} have?",
    ),
    "a+b-c": (
        "{name} has {a} {things}, [gets|finds|buys] {b} more and gives {c} to {other}. How many {things} are left?",
        "There are {a} red {things} and {b} blue {things} in a [box|bag]. {name} takes {c} of them. "
        "How many {things} are left[ in it]?",
        "[What|How much] is {a} plus {b} minus {c}?",
        "{name} [gets|finds|wins] {a} {things} and [then ]{b} more, then [sells|gives away] {c}. "
        "How many {things} does {name} have [now|then]?",
        "There are {a} {things} in a [box|bag]. {name} [adds|puts in] {b} and {other} takes [out ]{c}. "
        "How many {things} are in it [now|then]?",
        "{name} has {a} {things} and {other} has {b}. They [lose|sell] {c}[ of them]. How many {things} are left?",
    ),
    "a-b+c": (
        "{name} has {a} {things}, [loses|sells] {b}[ of them] and gets {c} more. "
        "How many {things} does {name} have now?",
        "[What|How much] is {a} minus {b} plus {c}?",
        "{name} has {a} dollars, spends {b} dollars and [finds|gets|wins] {c} dollars. "
        "How many dollars does {name} have [now|then]?",
        "{name} has {a} {things}, gives {b} to {other} and [buys|picks] {c} more. "
        "How many {things} is that [now|then]?",
        "There are {a} {things} in a [box|bag]. {name} takes [out ]{b}[ of them]. Then {name} [adds|puts in] {c} more. "
        "How many {things} are in it now?",
    ),
    "a*b": (
        "There are {a} {things} in each [box|bag]. How many {things} are in {b} [boxes|bags]?",
        "{name} [buys|has|sells] {b} [boxes|bags] of {a} {things} each. How many {things} is that?",
        "One of the {things} costs {a} dollars. How many dollars do {b} of them cost?",
        "[What|How much] is {a} times {b}?",
        "{b} children have {a} {things} each. How many {things} do they have [together|in all]?",
        "{name} [finds|picks|sells] {a} {things} each day. How many {things} does {name} [find|pick|sell] in {b} days?",
        "A machine makes {a} {things} in one hour. How many {things} does it make in {b} hours?",
        "There are {b} [boxes|bags]. [In each|In each of them] are {a} {things}. How many {things} are there?",
        "{b} {things} cost {a} dollars each. How many dollars is that[ together]?",
        "One [box|bag] has {a} {things}. How many {things} do {b} [boxes|bags] have?",
    ),
    "a/b": (
        "{name} shares {a} {things} among {b} children. How many {things} does each of them get?",
        "{b} [boxes|bags] have {a} {things} together. How many {things} are in each [box|bag]?",
        "{b} of the {things} cost {a} dollars. How many dollars does one cost?",
        "[What|How much] is {a} divided by {b}?",
        "{name} puts {a} {things} into {b} equal [boxes|bags]. How many {things} are in each[ of them]?",
        "A machine makes {a} {things} in {b} hours. How many {things} does it make in one hour?",
        "{name} reads {a} pages in {b} days, each day as many. How many pages is that each day?",
        "{b} children share {a} {things}. How many {things} [does each|does one child|does each child] get?",
        "There are {a} {things} for {b} children, for each as many. How many {things} is that for one child?",
    ),
    "a/b*c": (
        "{b} {things} cost {a} dollars. How many dollars do {c} {things} cost?",
        "{name} [walks|runs] {a} miles in {b} hours. How many miles does {name} [walk|run] in {c} hours?",
        "{b} boxes have {a} {things}. How many {things} do {c} boxes have?",
        "A machine makes {a} {things} in {b} hours. How many {things} does it make in {c} hours?",
        "{name} reads {a} pages in {b} days. How many pages does {name} read in {c} days?",
        "{b} children get {a} {things}, each as many. How many {things} do {c} children get?",
        "There are {a} {things} in {b} [boxes|bags]. How many {things} are in {c} [boxes|bags]?",
        "For {b} {things} {name} [gives|spends] {a} dollars. How many dollars is that for {c} {things}?",
    ),
    "a%b": (
        "[What|How much] is {a} percent of {b}?",
        "{name} has {b} {things}. {a} percent of them are [red|blue]. How many[ {things}] are [red|blue]?",
        "There are {b} {things} in a [box|bag] and {name} takes {a} percent of them. "
        "How many {things} does {name} take?",
        "{name} [gives|sells] {a} percent of {b} {things} to {other}. How many {things} does {other} get?",
        "Of {b} children {a} percent walk. How many children walk?",
        "{name} has {b} dollars and spends {a} percent of them. How many dollars does {name} spend?",
        "Of {b} {things} {a} percent are [sold|lost|red|blue]. How many {things} is that?",
        "How many are {a} percent of {b} [{things}|dollars|children]?",
    ),
    "b-a%b": (
        "A [box|bag][ of {things}] costs {b} dollars. It gets {a} percent cheaper. How many dollars does it cost now?",
        "{name} has {b} dollars and spends {a} percent of them. How many dollars are left?",
        "[What|How much] is {b} less {a} percent?",
        "{name} has {b} {things} and [sells|gives away] {a} percent[ of them]. How many {things} are left?",
        "Of {b} {things} {a} percent are [sold|lost]. How many {things} are left?",
        "The price of a [box|bag] falls by {a} percent. It was {b} dollars. How many dollars is it now?",
    ),
    "b+a%b": (
        "A [box|bag][ of {things}] costs {b} dollars. The price grows by {a} percent. "
        "How many dollars does it cost [now|then]?",
        "{name} has {b} {things} and [gets|finds|buys] {a} percent more. How many {things} does {name} have now?",
        "[What|How much] is {b} and {a} percent more?",
        "[There are|{name} puts] {b} {things} in a [box|bag]. {other} adds {a} percent more. "
        "How many {things} are in it [now|then]?",
        "The price of a [box|bag] grows by {a} percent. It was {b} dollars. How many dollars is it now?",
    ),
    "60*a+b": (
        "How many minutes are {a} hours and {b} minutes?",
        "{name} [walks|reads|runs] for {a} hours and {b} minutes. How many minutes is that?",
        "How many seconds are {a} minutes and {b} seconds?",
        "{name} [walks|reads|runs] for {a} minutes and {b} seconds. How many seconds is that?",
    ),
    "7*a+b": (
        "How many days are {a} weeks and {b} days?",
        "{name} [walks|reads|is away] for {a} weeks and {b} days. How many days is that?",
        "What is {a} weeks and {b} days in days?",
    ),
    "12*a+b": (
        "How many inches are {a} feet and {b} inches?",
        "A [box|bag] is {a} feet and {b} inches long. How many inches is that?",
        "How many months are {a} years and {b} months?",
        "{name} [walks|reads|is away] for {a} years and {b} months. How many months is that?",
    ),
    "a*b+c": (
        "{name} has {b} [boxes|bags] of {a} {things} each and {c} more {things}. How many {things} does {name} have?",
        "{b} books cost {a} dollars each and a pen costs {c} dollars. How many dollars is that together?",
        "[What|How much] is {a} times {b} plus {c}?",
        "There are {b} [boxes|bags] of {a} {things} each. {name} adds {c} {things}. "
        "How many {things} is that [now|then]?",
        "In each of {b} [boxes|bags] are {a} {things}. {name} [finds|gets|buys] {c} more. How many {things} are there?",
    ),
    "a*b-c": (
        "{name} buys {b} [boxes|bags] of {a} {things} each and [gives|sells] {c} {things} to {other}. "
        "How many {things} are left?",
        "There are {b} [boxes|bags] of {a} {things} each. {name} takes {c} of them. How many {things} are left?",
        "{b} books cost {a} dollars each. {name} has {c} dollars. How many dollars are missing?",
        "In each of {b} [boxes|bags] are {a} {things}. {c} {things} are [sold|lost]. How many {things} are left?",
        "[What|How much] is {a} times {b} minus {c}?",
    ),
    "a*b+c*d": (
        "{name} has {b} boxes of {a} {things} each and {d} [boxes|bags] of {c} {items} each. "
        "How many is that [together|in all]?",
        "{b} books cost {a} dollars each and {d} bags cost {c} dollars each. How many dollars is that together?",
        "{name} [buys|gets] {b} bags of {a} {things} each. {other} [buys|gets] {d} boxes of {c} {items} each. "
        "How many is that together?",
    ),
}
"""The wordings that training uses."""

HELD_OUT: dict[str, tuple[str, ...]] = {
    "a+b": (
        "{name} buys {a} {things} and {b} more. How many {things} is that together?",
        "There are {a} {things} in a bag. {other} puts {b} more into it. How many {things} are in the bag now?",
    ),
    "a-b": (
        "{name} has {a} {things} and loses {b} of them. How many {things} does {name} have now?",
        "{name} buys {a} {things} and spends {b} of them. How many {things} are left?",
    ),
    "a+b-c": ("{name} buys {a} {things} and {b} more and loses {c} of them. How many {things} are left?",),
    "a-b+c": (
        "There are {a} {things} in a box. {name} takes {b} and {other} puts {c} more into it. "
        "How many {things} are in the box now?",
    ),
    "a*b": (
        "{name} buys {b} boxes. There are {a} {things} in each box. How many {things} does {name} have?",
        "A bag has {a} {things}. How many {things} do {b} bags have?",
    ),
    "a/b": (
        "{name} has {a} {things} for {b} boxes. How many {things} does each box get?",
        "{b} children get {a} {things} together, each as many. How many {things} does one get?",
    ),
    "a/b*c": (
        "{name} makes {a} {things} in {b} hours. How many {things} does {name} make in {c} hours?",
        "{b} bags cost {a} dollars. How many dollars do {c} bags cost?",
    ),
    "a%b": (
        "There are {b} {things} in a box. {a} percent of the {things} are blue. How many are blue?",
        "{a} percent of {b} {things} are red. How many {things} is that?",
    ),
    "b-a%b": ("{name} has {b} {things} and loses {a} percent of them. How many {things} does {name} have now?",),
    "b+a%b": ("A bag costs {b} dollars. It gets {a} percent more. How many dollars does it cost now?",),
    "60*a+b": ("{name} runs a machine for {a} hours and {b} minutes. How many minutes is that?",),
    "7*a+b": ("{name} runs a machine for {a} weeks and {b} days. How many days is that?",),
    "12*a+b": ("{name} runs a machine for {a} years and {b} months. How many months is that?",),
    "a*b+c": (
        "There are {a} {things} in each box. {name} has {b} boxes and gets {c} more {things}. "
        "How many {things} does {name} have now?",
    ),
    "a*b-c": ("{name} has {b} boxes of {a} {things} each and loses {c} of the {things}. How many {things} are left?",),
    "a*b+c*d": (
        "There are {b} boxes of {a} {things} each and {d} bags of {c} {items} each. How many is that together?",
    ),
}
"""Wordings never trained on, of words that training uses."""
